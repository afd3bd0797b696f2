// Package known lists the names for completion that are known without asking a
// service.
package known

import (
	"maps"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
)

// Names are those that could be read. A file that could not be read has none.
type Names struct {
	Files              *awsconfig.Config
	Profiles, Sessions []string
	Roles              func() *Roles // they may take a while
}

// Of returns the names of a kind. account is the one named already, or "".
func (n *Names) Of(kind, account string) []shell.Candidate {
	switch kind {
	case "profile":
		return named(kind, n.Profiles)
	case "sso-session":
		return named(kind, n.Sessions)
	case "role of profile":
		return n.Roles().ByRole()
	case "account-id":
		return n.Roles().AccountIDs()
	case "role-name":
		return n.Roles().RoleNames(account)
	case "region":
		return Regions(n.Files)
	}
	return named("service", strings.Fields(services))
}

func named(kind string, names []string) (all []shell.Candidate) {
	for _, name := range names {
		all = append(all, shell.Candidate{Value: name, Help: kind})
	}
	return all
}

// Roles are the roles that profiles have, and those of the lists that were made.
type Roles struct {
	Profiles []credproc.ProfileRole
	Accounts []credproc.Account
}

// AccountIDs returns the accounts, with their names.
func (r *Roles) AccountIDs() []shell.Candidate {
	names := r.names()
	for _, p := range r.Profiles {
		if _, ok := names[p.AccountID]; !ok && p.AccountID != "" {
			names[p.AccountID] = "account"
		}
	}
	return candidates(names)
}

// names are those of the accounts in the lists, by ID.
func (r *Roles) names() map[string]string {
	names := map[string]string{}
	for _, a := range r.Accounts {
		names[a.ID] = a.Name
	}
	return names
}

// RoleNames returns the names of the roles in an account; "" is any.
func (r *Roles) RoleNames(account string) []shell.Candidate {
	names := map[string]string{}
	for _, p := range r.Profiles {
		if p.RoleName != "" && (account == "" || account == p.AccountID) {
			names[p.RoleName] = "role"
		}
	}
	for _, a := range r.Accounts {
		for _, role := range a.Roles {
			if account == "" || account == a.ID {
				names[role] = "role"
			}
		}
	}
	return candidates(names)
}

// ByRole returns the profiles with what is known of their roles.
func (r *Roles) ByRole() (all []shell.Candidate) {
	names := r.names()
	for _, p := range r.Profiles {
		all = append(all, shell.Candidate{Value: p.Profile, Help: strings.TrimSpace(p.RoleName + " " + p.AccountID + " " + names[p.AccountID])})
	}
	return all
}

// Regions returns those of a config file, and those of AWS.
func Regions(c *awsconfig.Config) []shell.Candidate {
	names := map[string]string{}
	for name := range strings.FieldsSeq(regions) {
		names[name] = "region"
	}
	add := func(sections map[string]*awsconfig.Section, key string) {
		for _, s := range sections {
			if name, _ := s.Get(key); name != "" {
				names[name] = "region"
			}
		}
	}
	add(c.Profiles, "region")
	add(c.Sessions, "sso_region")
	return candidates(names)
}

func candidates(help map[string]string) (all []shell.Candidate) {
	for _, value := range slices.Sorted(maps.Keys(help)) {
		all = append(all, shell.Candidate{Value: value, Help: help[value]})
	}
	return all
}

// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
const regions = `af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1
eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1
mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2`

// services are named as in the console's addresses.
const services = `apigateway athena billing cloudformation cloudfront cloudtrail cloudwatch codebuild codepipeline cognito config
costmanagement dynamodbv2 ec2 ecr ecs efs eks elasticache events glue guardduty iam kms lambda organizations rds redshift route53
s3 secretsmanager securityhub singlesignon sns sqs states systems-manager vpcconsole wafv2`
