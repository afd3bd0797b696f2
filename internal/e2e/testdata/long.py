# Asks again and again who it is, with one session, for as many seconds, and prints
# with which key.
import boto3, sys, time

session = boto3.Session(region_name="us-east-1")
sts = session.client("sts", endpoint_url=sys.argv[1])
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    print(sts.get_caller_identity()["Arn"], session.get_credentials().access_key)
    time.sleep(3)
