# A Fargate profile of Terraform's built-in terraform_data: no provider, no cloud, and the outputs of a real one.

resource "terraform_data" "profile" {
  # What EKS changes in place: tags, and nothing else.
  input = {
    status = "ACTIVE"
    tags   = merge(var.tags, var.owner_tags)
  }

  # What makes EKS replace the profile.
  triggers_replace = {
    cluster_name           = var.cluster_name
    profile_name           = var.profile_name
    region                 = var.region
    subnet_ids             = var.subnet_ids
    selectors              = var.selectors
    pod_execution_role_arn = var.pod_execution_role_arn
  }

  # Runs at creation only. The text reaches the shell as a variable and is never a part of the command.
  provisioner "local-exec" {
    command     = "sleep \"$CREATE_SECONDS\"; if [ -n \"$FAIL_WITH\" ]; then printf '%s\\n' \"$FAIL_WITH\" >&2; exit 1; fi"
    environment = { CREATE_SECONDS = tostring(var.create_seconds), FAIL_WITH = var.fail_with }
    quiet       = true
  }
}
