# Prints, for each profile whose name is an argument after the STS endpoint, how
# botocore reads it and who its credentials belong to.
import functools, json, sys
import boto3, botocore.session

# The descriptions of the services are the same for all.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

read = {}
known = boto3.Session().available_profiles
for name in sys.argv[2:]:
    assert name in known, name
    session = boto3.Session(profile_name=name)
    scoped = session._session.get_scoped_config()
    sts = session.client("sts", endpoint_url=sys.argv[1])
    read[name] = [scoped["credential_process"], session.region_name, sts.get_caller_identity()["Arn"]]
json.dump(read, sys.stdout)
