// Package portal calls the AWS access portal, with the access token of
// a user who has signed in: role credentials, accounts, roles, sign-out.
package portal

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/smithy-go/middleware"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// pageSize is the most that the service takes.
const pageSize = 100

// Client says where the portal is. It is safe for concurrent use as long as it is
// not changed.
type Client awsapi.Endpoint

// Credentials are those of a role. All three strings are secrets, as far as
// printing goes: see Format.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time // by the service's clock
	// Date is the service's time when it answered, to the second. Zero if the
	// answer did not tell.
	Date      time.Time
	RequestID string // for AWS support; "" if unknown
}

// Account is an AWS account in which the person has at least one role.
type Account struct {
	ID    string // twelve digits
	Name  string // may be ""
	Email string // may be ""
}

// RoleCredentials returns credentials of a role. It takes at most 15 s with
// its retries. Errors are a [*awsapi.SettingError] or an [*awsapi.Error]; the latter may
// be [ErrUnauthorized], [ErrNoAccess], [ErrNotFound] or [ErrThrottled].
func (c *Client) RoleCredentials(ctx context.Context, accessToken, accountID, roleName string) (*Credentials, error) {
	const op = "GetRoleCredentials"
	out, err := call(ctx, c, op, func(ctx context.Context, api *sso.Client) (*sso.GetRoleCredentialsOutput, error) {
		return api.GetRoleCredentials(ctx, &sso.GetRoleCredentialsInput{AccessToken: &accessToken, AccountId: &accountID, RoleName: &roleName},
			sso.WithAPIOptions(awsapi.Lenient(awsapi.Members{
				Objects: []string{"roleCredentials"},
				Text:    []string{"accessKeyId", "secretAccessKey", "sessionToken"},
				Numbers: []string{"expiration"},
			})))
	})
	if err != nil {
		return nil, err
	}
	credentials, err := checked(out)
	if err != nil {
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		return nil, &awsapi.Error{Op: op, StatusCode: http.StatusOK, RequestID: printable.Line(id), Err: err}
	}
	return credentials, nil
}

func checked(out *sso.GetRoleCredentialsOutput) (*Credentials, error) {
	// The service counts in milliseconds. In seconds, 1e11 is the year 5138;
	// as milliseconds it is 1973.
	const least = 1e11
	// The last second of the year 9999, after which RFC 3339 cannot go on.
	const most = 253402300799000
	got := out.RoleCredentials
	switch {
	case got == nil:
		return nil, errors.New("the answer has no credentials")
	case aws.ToString(got.AccessKeyId) == "" || aws.ToString(got.SecretAccessKey) == "" || aws.ToString(got.SessionToken) == "":
		return nil, errors.New("the answer has incomplete credentials")
	case got.Expiration < least || got.Expiration > most:
		return nil, errors.New("the answer has credentials with no sensible expiration")
	}
	date, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	return &Credentials{
		AccessKeyID:     *got.AccessKeyId,
		SecretAccessKey: *got.SecretAccessKey,
		SessionToken:    *got.SessionToken,
		Expiration:      time.UnixMilli(got.Expiration).UTC(),
		Date:            date,
		RequestID:       printable.Line(id),
	}, nil
}

// AccountsPage lists the accounts in which the person has a role: one page of the
// list, the first for nil, and tells which is next. [Pages] goes through them. It takes
// at most 15 s; errors are those of [Client.RoleCredentials].
func (c *Client) AccountsPage(ctx context.Context, accessToken string, next *string) (accounts []Account, following *string, err error) {
	out, err := call(ctx, c, "ListAccounts", func(ctx context.Context, api *sso.Client) (*sso.ListAccountsOutput, error) {
		return api.ListAccounts(ctx, &sso.ListAccountsInput{AccessToken: &accessToken, MaxResults: new(int32(pageSize)), NextToken: next})
	})
	if err != nil {
		return nil, nil, err
	}
	for _, a := range out.AccountList {
		accounts = append(accounts, Account{aws.ToString(a.AccountId), aws.ToString(a.AccountName), aws.ToString(a.EmailAddress)})
	}
	return accounts, out.NextToken, empty("ListAccounts", len(accounts), out.ResultMetadata)
}

// Roles lists the names of the roles that the person has in an account. Requests are
// made as the loop goes on, each for up to a hundred roles and of at most 15 s. An
// error, as of [Client.RoleCredentials], is the last thing in the sequence; what came
// before it is good.
func (c *Client) Roles(ctx context.Context, accessToken, accountID string) iter.Seq2[string, error] {
	return Pages("ListAccountRoles", func(next *string) ([]string, *string, error) {
		return c.RolesPage(ctx, accessToken, accountID, next)
	})
}

// RolesPage is one page of [Client.Roles], the first for nil, and tells which
// is next.
func (c *Client) RolesPage(ctx context.Context, accessToken, accountID string, next *string) (names []string, following *string, err error) {
	out, err := call(ctx, c, "ListAccountRoles", func(ctx context.Context, api *sso.Client) (*sso.ListAccountRolesOutput, error) {
		return api.ListAccountRoles(ctx, &sso.ListAccountRolesInput{AccessToken: &accessToken, AccountId: &accountID, MaxResults: new(int32(pageSize)), NextToken: next})
	})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range out.RoleList {
		names = append(names, aws.ToString(r.RoleName))
	}
	return names, out.NextToken, empty("ListAccountRoles", len(names), out.ResultMetadata)
}

const (
	mostPages = 2000     // of one list: 100 accounts or roles are on each
	mostEmpty = 100      // pages in a row with nothing on them
	mostNext  = 64 << 10 // bytes of what leads to the next page
)

// Pages goes through the pages of the list that op names. A list that does not
// come to its end is an error: one that leads back to a page that was there, or
// has too many pages, or too many with nothing on them.
func Pages[T any](op string, fetch func(next *string) ([]T, *string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var next *string
		seen := map[[sha256.Size]byte]bool{}
		for pages, empty := 1, 0; ; pages++ {
			page, following, err := fetch(next)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
			if aws.ToString(following) == "" {
				return
			}
			if empty++; len(page) > 0 {
				empty = 0
			}
			hash := sha256.Sum256([]byte(*following))
			switch {
			case seen[hash]:
				err = errors.New("the pages of the list go round in circles")
			case pages == mostPages, empty == mostEmpty, len(*following) > mostNext:
				err = errors.New("the list does not end")
			}
			if err != nil {
				yield(none, &awsapi.Error{Op: op, StatusCode: http.StatusOK, Err: err})
				return
			}
			seen[hash] = true
			next = following
		}
	}
}

// Logout ends the person's portal session at the service, and with it the
// access token. Role credentials that it gave stay valid. It takes at most
// 15 s; errors are those of [Client.RoleCredentials].
func (c *Client) Logout(ctx context.Context, accessToken string) error {
	out, err := call(ctx, c, "Logout", func(ctx context.Context, api *sso.Client) (*sso.LogoutOutput, error) {
		return api.Logout(ctx, &sso.LogoutInput{AccessToken: &accessToken})
	})
	if err != nil {
		return err
	}
	return empty("Logout", 0, out.ResultMetadata)
}

// empty fails where the answer to an operation has nothing in it, and lacks the mark
// of the service: a page that a proxy or a captive portal made up looks like that.
func empty(op string, found int, of middleware.Metadata) error {
	if id, _ := awsmiddleware.GetRequestIDMetadata(of); found > 0 || id != "" {
		return nil
	}
	return &awsapi.Error{Op: op, StatusCode: http.StatusOK, Err: errors.New("the answer did not come from AWS")}
}

// call calls the service. It is anonymous: the token is all that counts.
func call[T any](ctx context.Context, c *Client, op string, do func(context.Context, *sso.Client) (*T, error)) (*T, error) {
	config, err := awsapi.Endpoint(*c).Config(nil, unlessThrottled{awsapi.NewRetryer()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	out, err := do(ctx, sso.NewFromConfig(config))
	if err != nil {
		return nil, failed(ctx, op, err)
	}
	return out, nil
}

// unlessThrottled leaves it to the caller when to ask again after a 429: the
// quota is shared by all of a person's programs, and the caller knows how many
// it has waiting.
type unlessThrottled struct{ aws.Retryer }

func (r unlessThrottled) IsErrorRetryable(err error) bool {
	answer, ok := awsapi.AnswerTo(err)
	return r.Retryer.IsErrorRetryable(err) && !(ok && answer.StatusCode == http.StatusTooManyRequests)
}
