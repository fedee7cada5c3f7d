# What the nodes are told at their start. To an image of AWS's EKS adds itself how a node joins; one's own is told here.

locals {
  # A custom image has no ami_type, and may say one all the same.
  platform = try(
    { AL2 = "linux", AL2023 = "al2023", BOTTLEROCKET = "bottlerocket", WINDOWS = "windows" }[split("_", var.ami_type)[0]],
    var.platform,
  )

  service_cidr = var.cluster_service_cidr != "" ? var.cluster_service_cidr : coalesce(var.cluster_service_ipv4_cidr, "unknown")

  # Amazon Linux 2023: nodeadm reads a part of its own.
  node_config = {
    content_type = "application/node.eks.aws"
    content = yamlencode({
      apiVersion = "node.eks.aws/v1alpha1"
      kind       = "NodeConfig"
      spec = {
        cluster = {
          name                 = var.cluster_name
          apiServerEndpoint    = var.cluster_endpoint
          certificateAuthority = var.cluster_auth_base64
          cidr                 = local.service_cidr
        }
      }
    })
  }

  # Amazon Linux 2: one script.
  bootstrap = join(" ", compact([
    "/etc/eks/bootstrap.sh '${coalesce(var.cluster_name, "unknown")}'",
    "--apiserver-endpoint '${var.cluster_endpoint}'",
    "--b64-cluster-ca '${var.cluster_auth_base64}'",
    "--ip-family ${var.cluster_ip_family}",
    "--service-${var.cluster_ip_family}-cidr '${local.service_cidr}'",
    var.bootstrap_extra_args,
  ]))
  script = join("\n", concat(
    ["#!/bin/bash", "set -e"],
    [for text in [var.pre_bootstrap_user_data, local.bootstrap, var.post_bootstrap_user_data] : text if text != ""],
    [""],
  ))

  # Bottlerocket: TOML, whose strings are written as JSON's.
  settings = join("\n", concat(
    [for line in [
      "[settings.kubernetes]",
      "\"cluster-name\" = ${jsonencode(var.cluster_name)}",
      "\"api-server\" = ${jsonencode(var.cluster_endpoint)}",
      "\"cluster-certificate\" = ${jsonencode(var.cluster_auth_base64)}",
      "\"cluster-dns-ip\" = ${jsonencode(try(cidrhost(local.service_cidr, 10), ""))}",
    ] : line if var.enable_bootstrap_user_data],
    [for text in [var.bootstrap_extra_args] : text if text != ""],
  ))

  # Parts of a MIME document, each with content and perhaps content_type, filename and merge_type.
  parts = {
    al2023 = concat(
      var.cloudinit_pre_nodeadm,
      [for part in [local.node_config] : part if var.enable_bootstrap_user_data],
      var.cloudinit_post_nodeadm,
    )
    linux = [
      for script in [var.pre_bootstrap_user_data] : { content_type = "text/x-shellscript", content = script } if script != ""
    ]
  }
  documents = {
    for platform, parts in local.parts : platform => join("\n", flatten([
      "MIME-Version: 1.0",
      "Content-Type: multipart/mixed; boundary=\"${local.boundaries[platform]}\"",
      "",
      [for part in parts : flatten([
        "--${local.boundaries[platform]}",
        "Content-Type: ${try(coalesce(part.content_type), "text/plain")}",
        [for name in try(part.filename[*], []) : "Content-Disposition: attachment; filename=\"${name}\""],
        [for how in try(part.merge_type[*], []) : "X-Merge-Type: ${how}"],
        "",
        part.content,
      ])],
      "--${local.boundaries[platform]}--",
      "",
    ])) if length(parts) > 0
  }
  # No text holds a line that depends on the whole of it.
  boundaries = { for platform, parts in local.parts : platform => "part-${substr(sha256(jsonencode(parts)), 0, 32)}" }

  user_data = {
    linux        = var.enable_bootstrap_user_data ? local.script : lookup(local.documents, "linux", "")
    al2023       = lookup(local.documents, "al2023", "")
    bottlerocket = local.settings
    windows      = ""
  }[local.platform]

  # Which inputs each takes, and what is said in vain.
  user_data_inputs = {
    pre_bootstrap_user_data  = var.pre_bootstrap_user_data != ""
    post_bootstrap_user_data = var.post_bootstrap_user_data != ""
    bootstrap_extra_args     = var.bootstrap_extra_args != ""
    cloudinit_pre_nodeadm    = length(var.cloudinit_pre_nodeadm) > 0
    cloudinit_post_nodeadm   = length(var.cloudinit_post_nodeadm) > 0
  }
  user_data_taken = {
    linux        = var.enable_bootstrap_user_data ? ["pre_bootstrap_user_data", "post_bootstrap_user_data", "bootstrap_extra_args"] : ["pre_bootstrap_user_data"]
    al2023       = var.enable_bootstrap_user_data ? ["cloudinit_pre_nodeadm", "cloudinit_post_nodeadm"] : ["cloudinit_pre_nodeadm"]
    bottlerocket = ["bootstrap_extra_args"]
    windows      = []
  }[local.platform]
  user_data_unused = [for name, is_set in local.user_data_inputs : name if is_set && !contains(local.user_data_taken, name)]
}
