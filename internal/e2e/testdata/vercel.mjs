// Asks a model of Bedrock through the AI SDK of Vercel.
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { generateText } from "ai";

const bedrock = createAmazonBedrock({ region: "us-east-1", baseURL: process.argv[2], credentialProvider: fromNodeProviderChain() });
console.log((await generateText({ model: bedrock("model"), prompt: "hello", maxRetries: 0 })).text);
