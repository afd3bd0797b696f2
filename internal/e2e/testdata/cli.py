# Prints, for each profile whose name is an argument after the STS endpoint, how
# the AWS CLI reads it and who its credentials belong to. Each time it is all that
# the command does, but for the start of Python, which takes longer.
import contextlib, functools, io, json, sys
from awscli.clidriver import botocore, create_clidriver

# The descriptions of the services are the same for all.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

read = {}
for name in sys.argv[2:]:
    cli = create_clidriver()
    with contextlib.redirect_stdout(io.StringIO()) as caller:
        status = cli.main(["sts", "get-caller-identity", "--endpoint-url", sys.argv[1], "--profile", name, "--output", "json"])
    assert status == 0, name
    line, region = cli.session.get_scoped_config()["credential_process"], cli.session.get_config_variable("region")
    read[name] = [line, region, json.loads(caller.getvalue())["Arn"]]
json.dump(read, sys.stdout)
