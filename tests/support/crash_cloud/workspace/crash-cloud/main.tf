# A group and its nodes in the folder `cloud`: each is made and destroyed by cloud.sh, which takes its time.

locals {
  # Of the secret only its digest, for the trial to compare.
  salt = nonsensitive(var.salt == null ? "" : sha256(var.salt))
}

resource "terraform_data" "group" {
  # What changes in place.
  input = {
    labels  = var.labels
    word    = var.word
    salt    = local.salt
    cloud   = var.cloud
    name    = "group.${var.node_group_name}"
    seconds = var.seconds
  }

  # What replaces it.
  triggers_replace = var.instance_types

  provisioner "local-exec" {
    command     = "exec sh \"$CLOUD/cloud.sh\" create \"$NAME\" \"$SECONDS_LONG\""
    environment = { CLOUD = self.input.cloud, NAME = self.input.name, SECONDS_LONG = tostring(self.input.seconds) }
    quiet       = true
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "exec sh \"$CLOUD/cloud.sh\" destroy \"$NAME\" \"$SECONDS_LONG\""
    environment = { CLOUD = self.input.cloud, NAME = self.input.name, SECONDS_LONG = tostring(self.input.seconds) }
    quiet       = true
  }
}

resource "terraform_data" "node" {
  for_each = toset([for n in range(var.desired_size) : tostring(n)])

  input = { cloud = var.cloud, name = "node.${var.node_group_name}.${each.key}", seconds = var.seconds }

  provisioner "local-exec" {
    command     = "exec sh \"$CLOUD/cloud.sh\" create \"$NAME\" \"$SECONDS_LONG\""
    environment = { CLOUD = self.input.cloud, NAME = self.input.name, SECONDS_LONG = tostring(self.input.seconds) }
    quiet       = true
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "exec sh \"$CLOUD/cloud.sh\" destroy \"$NAME\" \"$SECONDS_LONG\""
    environment = { CLOUD = self.input.cloud, NAME = self.input.name, SECONDS_LONG = tostring(self.input.seconds) }
    quiet       = true
  }
}
