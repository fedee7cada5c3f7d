"""What moto's EC2 answers differently from AWS, as the AWS provider for Terraform needs it.

- The tags of a launch template are its own, and no part of its versions: as a part they would be a
  difference in every plan.
- The user data of any version is taken, not of the first alone.
"""

from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplateVersion


def install():
    """Puts all of it in the place of moto's own, before the first call."""
    LaunchTemplateVersion.__init__ = versioning(LaunchTemplateVersion.__init__)


def versioning(original):
    def __init__(self, template, number, data, description):
        specs = [spec for spec in data.get("TagSpecifications", []) if spec["ResourceType"] != "launch-template"]
        data = {**data, "TagSpecifications": specs}
        text = data.get("UserData")
        if text and not isinstance(text, Base64EncodedString):
            data["UserData"] = Base64EncodedString(text)
        original(self, template, number, data, description)

    return __init__
