# The first edition.

resource "aws_sns_topic" "old_name" {
  name = "moves"
}
