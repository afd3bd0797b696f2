# Prints who the credentials belong to that the default chain of the SDK for Ruby finds.
require "aws-sdk-core"

puts Aws::STS::Client.new(endpoint: ARGV[0], region: "us-east-1").get_caller_identity.arn
