# Asks again and again who it is, with one session, for as many seconds.
import boto3, sys, time

sts = boto3.Session(region_name="us-east-1").client("sts", endpoint_url=sys.argv[1])
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    print(sts.get_caller_identity()["Arn"])
    time.sleep(3)
