package help

import (
	"strings"

	"github.com/alecthomas/kong"
)

// Topic is what is known of a command beyond its grammar.
type Topic struct {
	Text     []string // paragraphs
	Examples []Example
}

// Example is a use of a command.
type Example struct {
	What  string
	Lines []string // as typed, after "$ "
}

// About returns what is known of a command of a program.
func About(program string, node *kong.Node) (about Topic) {
	_, section, _ := strings.Cut(topics, "\n== "+strings.Join(Path(node), " ")+"\n")
	section, _, _ = strings.Cut(section, "\n== ")
	for line := range strings.Lines(strings.ReplaceAll(section, "{}", program)) {
		line = strings.TrimSuffix(line, "\n")
		what, isExample := strings.CutPrefix(line, "# ")
		last := len(about.Examples) - 1
		switch {
		case isExample:
			about.Examples = append(about.Examples, Example{What: what})
		case last >= 0:
			about.Examples[last].Lines = append(about.Examples[last].Lines, line)
		case line != "":
			about.Text = append(about.Text, line)
		}
	}
	return about
}

// topics are sections by commands: paragraphs of a line each, then the examples. {}
// stands for the name of the program. Each example is one that the grammar takes: a
// test reads them.
const topics = `
== login
By default, it opens a browser if this machine has one, and prints a code to confirm elsewhere if not.
# Sign in to the only session, or choose one
$ {} login
# Sign in to session corp from a machine without a browser
$ {} login corp --use-device-code
# Sign in without a terminal: a person opens the printed URL elsewhere
$ {} login --start corp && {} login --resume corp
== logout
# Sign out of session corp
$ {} logout corp
# Sign out of every session
$ {} logout --all
== policy
A policy is a file that only root can write. docs/fleet.md describes it.
# Show the rules of this machine
$ {} policy
# See whether the rules allow a profile
$ {} policy check dev
== policy show
# Show the rules of this machine
$ {} policy show
# Find the rule about accounts
$ {} policy show | grep accounts
== policy check
# See whether the rules allow a profile
$ {} policy check dev
# See what a coding agent would get
$ {} policy check dev --agent
== status
# Show every session, and until when it lasts
$ {} status
# Sign in only if that is needed, in a script
$ {} status corp --quiet || {} login corp
# Print the session and the time left, for a prompt
$ {} status --format '{session} {left}'
== process
It prints one JSON object, or one error with the command that fixes it; the exit status says what kind of error.
# Print the credentials of a role, as a profile's credential_process does
$ {} process --sso-session corp --account-id 111111111111 --role-name QA
# Print those of profile dev
$ {} process --profile dev
# Wait for a sign-in made in another terminal
$ {} process --profile dev --wait 50s
== exec
Put the command and its own flags after --. Without a command, it starts your shell.
# Run a command with the role of profile dev
$ {} exec dev -- aws s3 ls
# Run a long job with credentials that renew automatically
$ {} exec dev --server -- terraform apply
# Start a shell with a role that has no profile
$ {} exec --sso-session corp --account-id 111111111111 --role-name Admin
== env
# Use the role of profile dev in this shell
$ eval "$({} env dev)"
# Stop using it
$ eval "$({} env --unset)"
# Write credentials to a file for docker
$ {} env dev --format dotenv >dev.env
== use
It sets AWS_PROFILE and the region, and removes variables that would override them. It needs the shell function that shell-init prints.
# Find a role by parts of its name, account name, account ID or e-mail address
$ {} use adm 0003
# Go back to the role before
$ {} use -
# Restore the environment as it was
$ {} use --unset
== shell-init
Add the line for your shell to ~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish or $PROFILE.
# Define the function for bash
$ eval "$({} shell-init bash --function role)"
# Define the function for fish
$ {} shell-init fish --function role | source
== serve
It prints its URL and serves /profile/NAME and /role/ACCOUNT/ROLE to clients that send the token.
# Serve every role of session corp
$ {} serve corp --token-file ~/.token
# Serve only the ReadOnly role of every account
$ {} serve corp --token-file ~/.token --allow 'role:*/ReadOnly'
# Serve to containers, which reach this machine by the address of a bridge
$ {} serve --tls --listen 172.17.0.1:9911 --clients ~/.aws/clients
== forward
It needs no login here. The command gets credentials that renew automatically, from a local endpoint; the connection to the other endpoint uses TLS.
# Run a job in a container with the role that serve --tls has for it
$ {} forward --to https://host:9911/profile/dev --token-file t -- job
# The same, with the certificate of the endpoint's own CA
$ {} forward --to https://h:9911/profile/qa --ca ca --token-file t -- sh
== console
# Open the console with the role of profile dev
$ {} console dev
# Open its S3 page in another region
$ {} console dev --service s3 --region eu-west-1
# Print a URL that signs in with a role chain's credentials
$ {} console chain --federate --print
== token
# Give the access token to a program
$ TOKEN=$({} token corp)
# Print it with its expiry
$ {} token corp --json
== list
# List the accounts and roles of session corp
$ {} list corp
# List the Admin roles in the production accounts
$ {} list corp --filter prod --filter Admin
# Use the list in a program
$ {} list corp --json
== configure
Profiles go to a marked block of the file. Every other byte stays as it is, and a backup is kept.
# Choose the profiles to write
$ {} configure corp
# Add session corp and a profile for each of its roles
$ {} configure corp --sso-start-url https://corp.awsapps.com/start --all
# Undo the last change
$ {} configure --undo
== keyring
# Show which keyring each login is in, and why
$ {} keyring
# Drop the keys that are cached for an hour
$ {} keyring lock
# Delete every login in the file keyring
$ {} keyring reset file
== keyring show
# Show which keyring each login is in, and why
$ {} keyring show
# Print that as JSON
$ {} keyring show --json
== keyring lock
# Drop the keys that are cached for an hour
$ {} keyring lock
# See that they are gone
$ {} keyring show
== keyring reset
# Delete every login in the file keyring
$ {} keyring reset file
# Do it without asking, in a script
$ {} keyring reset kernel --yes
== doctor
# Check the setup
$ {} doctor
# Check it without network access, for a program
$ {} doctor --offline --json
# Fix what can be fixed
$ {} doctor --fix
== completion
# Complete in bash: a line for ~/.bashrc
$ eval "$({} completion bash)"
# Complete in fish: a line for ~/.config/fish/config.fish
$ {} completion fish | source
== version
# Print the version
$ {} version
# Print it as JSON, with the commit and the formats of stored files
$ {} version --json
== help
# List the commands
$ {} help
# Show the flags of login, and examples
$ {} help login
`
