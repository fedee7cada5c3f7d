# The second edition: one resource has another address, one existed before it was declared, and the
# creation of one is refused.

moved {
  from = aws_sns_topic.old_name
  to   = aws_sns_topic.new_name
}
resource "aws_sns_topic" "new_name" {
  name = "moves"
}

import {
  to = aws_sns_topic.imported
  id = "arn:aws:sns:eu-central-1:123456789012:known"
}
resource "aws_sns_topic" "imported" {
  name         = "known"
  display_name = "taken in"
}

resource "aws_iam_role" "refused" {
  name               = "refused"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
