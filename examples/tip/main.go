// Command tip is a server with many users, each of whom sees in S3 what the
// company's identity provider lets them see: trusted identity propagation. It
// takes the user's token from the request, as a proxy in front of it would pass
// it on, and lists a bucket with credentials that carry who the user is.
//
//	go run . -application arn:aws:sso::123456789012:application/ssoins-…/apl-… \
//		-role arn:aws:iam::123456789012:role/DataAccess -region eu-west-1
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/BUCKET
//
// The server's own credentials are those of its environment.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/credproc/credproc/credproc/tip"
)

func main() {
	users := new(tip.Users)
	flag.StringVar(&users.ApplicationARN, "application", "", "the `ARN` of the application that exchanges the users' tokens")
	flag.StringVar(&users.RoleARN, "role", "", "the `ARN` of the role that has access to the data")
	flag.StringVar(&users.Config.Region, "region", "", "the `Region` of the Identity Center instance, and of the buckets")
	listen := flag.String("listen", "127.0.0.1:8080", "the `address` to listen on")
	flag.Parse()
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(users.Config.Region))
	if err != nil {
		log.Fatal(err)
	}
	users.Credentials = cfg.Credentials
	log.Fatal(http.ListenAndServe(*listen, &server{users: users, config: cfg}))
}

// server has one S3 client for each token that it was given.
type server struct {
	users  *tip.Users
	config aws.Config

	mu      sync.Mutex
	clients map[[sha256.Size]byte]*s3.Client
}

// client returns the client of the user whose token it is. A new token is checked
// by Identity Center before it gets anything, so that this map needs no other
// guard; a server in production drops the clients of tokens that have expired.
func (s *server) client(token string) *s3.Client {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		s.clients = make(map[[sha256.Size]byte]*s3.Client)
	}
	if s.clients[key] == nil {
		provider := s.users.Provider(func(context.Context) (string, error) { return token, nil })
		s.clients[key] = s3.NewFromConfig(s.config, func(o *s3.Options) { o.Credentials = provider })
	}
	return s.clients[key]
}

// ServeHTTP lists the bucket that the path names, as the user of the request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	out, err := s.client(token).ListObjectsV2(r.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(strings.Trim(r.URL.Path, "/"))})
	if err != nil {
		log.Print(err) // which has no secret in it
		http.Error(w, "no access", status(err))
		return
	}
	for _, object := range out.Contents {
		fmt.Fprintln(w, aws.ToString(object.Key))
	}
}
