package idctest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// bearer checks the token of a portal request, and the rate of them all.
func (s *Server) bearer(c *call) (*accessToken, error) {
	now := time.Now()
	s.served = slices.DeleteFunc(s.served, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if s.RateLimit > 0 && len(s.served) >= s.RateLimit {
		if s.CountRefused {
			s.served = append(s.served, now)
		}
		return nil, portalAPI.fail("TooManyRequestsException", "HTTP 429 Unknown Code")
	}
	s.served = append(s.served, now)
	token := s.accessTokens[c.Header.Get("X-Amz-Sso_bearer_token")]
	if token == nil || !now.Before(token.expires) || s.elsewhere(c) {
		return nil, portalAPI.fail("UnauthorizedException", "Session token not found or invalid")
	}
	return token, nil
}

func (s *Server) getRoleCredentials(c *call) (any, error) {
	if _, err := s.bearer(c); err != nil {
		return nil, err
	}
	query := c.URL.Query()
	name := query.Get("role_name")
	if name == "" {
		return nil, portalAPI.fail("InvalidRequestException", "Missing role_name")
	}
	account, err := s.account(query)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(account.Roles, name) {
		return nil, portalAPI.fail("ForbiddenException", "No access")
	}
	arn := fmt.Sprintf("arn:aws:sts::%s:assumed-role/AWSReservedSSO_%s_%.16s/user@idc.example", account.ID, name, hash(account.ID+"/"+name))
	k := s.newKey(account.ID, arn, s.RoleLife)
	c.event.Key = k.id
	type roleCredentials struct {
		AccessKeyID     string `json:"accessKeyId"`
		Expiration      int64  `json:"expiration"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
	}
	return struct {
		RoleCredentials roleCredentials `json:"roleCredentials"`
	}{roleCredentials{k.id, s.told(k.expires).UnixMilli(), k.secret, k.token}}, nil
}

// account finds the account that a query names.
func (s *Server) account(query url.Values) (Account, error) {
	id := query.Get("account_id")
	if ok, _ := regexp.MatchString(`^\d{12}$`, id); !ok {
		return Account{}, portalAPI.fail("InvalidRequestException", "Invalid account_id")
	}
	i := slices.IndexFunc(s.Accounts, func(a Account) bool { return a.ID == id })
	if i < 0 {
		return Account{}, portalAPI.fail("ResourceNotFoundException", "Account not found")
	}
	return s.Accounts[i], nil
}

func (s *Server) listAccounts(c *call) (any, error) {
	if _, err := s.bearer(c); err != nil {
		return nil, err
	}
	assigned := slices.DeleteFunc(slices.Clone(s.Accounts), func(a Account) bool { return len(a.Roles) == 0 })
	accounts, next, err := page(assigned, c.URL.Query(), s.PageSize, s.MaxPageSize)
	if err != nil {
		return nil, err
	}
	type entry struct {
		AccountID    string `json:"accountId"`
		AccountName  string `json:"accountName,omitempty"`
		EmailAddress string `json:"emailAddress,omitempty"`
	}
	entries := make([]entry, len(accounts))
	for i, a := range accounts {
		entries[i] = entry{a.ID, a.Name, a.Email}
	}
	return struct {
		AccountList []entry `json:"accountList"`
		NextToken   *string `json:"nextToken"`
	}{entries, next}, nil
}

func (s *Server) listAccountRoles(c *call) (any, error) {
	if _, err := s.bearer(c); err != nil {
		return nil, err
	}
	account, err := s.account(c.URL.Query())
	if err != nil {
		return nil, err
	}
	roles, next, err := page(account.Roles, c.URL.Query(), s.PageSize, s.MaxPageSize)
	if err != nil {
		return nil, err
	}
	type entry struct {
		AccountID string `json:"accountId"`
		RoleName  string `json:"roleName"`
	}
	entries := make([]entry, len(roles))
	for i, name := range roles {
		entries[i] = entry{account.ID, name}
	}
	return struct {
		NextToken *string `json:"nextToken"`
		RoleList  []entry `json:"roleList"`
	}{next, entries}, nil
}

// page cuts one page out of a list. The token of the next is nil, null on the
// wire, when there is none.
func page[T any](list []T, query url.Values, size, most int) ([]T, *string, error) {
	if query.Has("max_result") {
		n, err := strconv.Atoi(query.Get("max_result"))
		if err != nil || n < 1 || n > 100 {
			return nil, nil, portalAPI.fail("InvalidRequestException", "max_result is not between 1 and 100")
		}
		size = n
	}
	if most > 0 {
		size = min(size, most)
	}
	start := 0
	if token := query.Get("next_token"); token != "" {
		text, _ := base64.StdEncoding.DecodeString(token)
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 || n > len(list) {
			return nil, nil, portalAPI.fail("InvalidRequestException", "Invalid next_token")
		}
		start = n
	}
	end := start + max(size, 1)
	if end >= len(list) {
		return list[start:], nil, nil
	}
	next := base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	return list[start:end], &next, nil
}

// logout ends the whole session: the tokens that came of the same sign-in die
// with the one that is shown. Role credentials live on.
func (s *Server) logout(c *call) (any, error) {
	token, err := s.bearer(c)
	if err != nil {
		return nil, err
	}
	s.end(token.login)
	return nil, nil
}

// end ends one login now.
func (s *Server) end(l *login) {
	now := time.Now()
	if now.Before(l.ends) {
		l.ends = now
	}
	for _, token := range s.accessTokens {
		if token.login == l && now.Before(token.expires) {
			token.expires = now
		}
	}
}
