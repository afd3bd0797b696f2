# Prints who the credentials of the profile native belong to, by botocore's own
# SSO provider and its own token file.
import sys

import botocore.session


class Session(botocore.session.Session):
    # Versions before 1.31 read no endpoint from the environment.
    def create_client(self, *args, **kwargs):
        kwargs["endpoint_url"] = sys.argv[1]
        return super().create_client(*args, **kwargs)


sts = Session(profile="native").create_client("sts")
print(sts.get_caller_identity()["Arn"])
