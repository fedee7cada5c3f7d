"""What moto's SSM lacks: the parameters in which AWS says the newest release of EKS's own images."""

from moto.core.utils import utcnow
from moto.ssm.models import Parameter, ParameterDict

IMAGES = "/aws/service/eks/optimized-ami/"
RELEASE = "/release_version"


def install():
    """Puts all of it in the place of moto's own, before the first call."""
    ParameterDict._check_loading_status = knowing_releases(ParameterDict._check_loading_status)


def knowing_releases(original):
    def _check_loading_status(self, key):
        original(self, key)
        name = str(key or "")
        if name.startswith(IMAGES) and name.endswith(RELEASE) and not dict.__contains__(self, name):
            version = name.removeprefix(IMAGES).split("/")[0]
            dict.__setitem__(self, name, [parameter(self, name, f"{version}.7-20260101")])

    return _check_loading_status


def parameter(backend, name, value):
    return Parameter(
        account_id=backend.account_id,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow(),
        version=1,
        data_type="text",
    )
