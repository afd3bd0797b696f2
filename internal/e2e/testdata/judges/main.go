// Package main is programs with SDKs that the other tests do not have. It asks a
// service who it is, through the default chain of one of them:
//
//	judges aws-sdk-go URL    prints the ARN that STS answers
//	judges minio-go URL      lists a bucket
package main

//lint:file-ignore SA1019 version 1 of the SDK is still in many programs

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	log.SetFlags(0)
	asks := map[string]func(endpoint string) error{"aws-sdk-go": version1, "minio-go": minioGo}[os.Args[1]]
	if err := asks(os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func version1(endpoint string) error {
	s, err := session.NewSession(&aws.Config{Endpoint: &endpoint})
	if err != nil {
		return err
	}
	who, err := sts.New(s).GetCallerIdentity(nil)
	if err != nil {
		return err
	}
	fmt.Println(aws.StringValue(who.Arn))
	return nil
}

// minioGo has the chain of restic and mc.
func minioGo(endpoint string) error {
	at, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	chain := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	client, err := minio.New(at.Host, &minio.Options{Creds: chain, Region: "us-east-1"})
	if err != nil {
		return err
	}
	for object := range client.ListObjects(context.Background(), "bucket", minio.ListObjectsOptions{}) {
		if object.Err != nil {
			return object.Err
		}
	}
	return nil
}
