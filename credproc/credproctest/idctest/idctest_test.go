package idctest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A wire is a client of a server that speaks plain HTTP.
type wire struct {
	t      *testing.T
	server *Server
	client *http.Client
	base   string
}

// inMemory talks to the server in this process.
func inMemory(t *testing.T, s *Server) *wire {
	return &wire{t, s, s.Client(), "https://oidc.us-east-1.amazonaws.com"}
}

// overSocket talks to the server through TCP.
func overSocket(t *testing.T, s *Server) *wire {
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	return &wire{t, s, listening.Client(), listening.URL}
}

// A got is an answer as it came.
type got struct {
	status int
	header http.Header
	body   string
	fields map[string]any // of a JSON object
}

func (g got) text(name string) string {
	s, _ := g.fields[name].(string)
	return s
}

func (w *wire) try(r *http.Request) (got, error) {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		return got{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	g := got{status: response.StatusCode, header: response.Header, body: string(body)}
	json.Unmarshal(body, &g.fields)
	return g, err
}

func (w *wire) do(r *http.Request) got {
	w.t.Helper()
	g, err := w.try(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func (w *wire) request(method, path, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

type fields map[string]any

// with returns a copy with one more member.
func (f fields) with(name string, value any) fields {
	c := fields{name: value}
	for k, v := range f {
		if k != name {
			c[k] = v
		}
	}
	return c
}

func (w *wire) post(path string, in fields) got {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.request("POST", path, string(body))
	r.Header.Set("Content-Type", "application/json")
	return w.do(r)
}

// portal calls the access portal with a token.
func (w *wire) portal(method, path, token string) got {
	w.t.Helper()
	r := w.request(method, path, "")
	r.Header.Set("x-amz-sso_bearer_token", token)
	return w.do(r)
}

// control drives the server as a script does.
func (w *wire) control(method, call string, form url.Values) got {
	w.t.Helper()
	r := w.request(method, "/_idctest/"+call, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r)
}

// register returns what identifies a new client.
func (w *wire) register(scopes ...string) fields {
	w.t.Helper()
	in := fields{"clientName": "test", "clientType": "public"}
	if len(scopes) > 0 {
		in["scopes"] = scopes
	}
	g := w.post("/client/register", in)
	w.expect(g, 200, "")
	return fields{"clientId": g.fields["clientId"], "clientSecret": g.fields["clientSecret"]}
}

// authorize asks for a device code.
func (w *wire) authorize(client fields) got {
	w.t.Helper()
	g := w.post("/device_authorization", client.with("startUrl", "https://idc.example/start"))
	w.expect(g, 200, "")
	return g
}

// poll asks for the tokens of a device code.
func (w *wire) poll(client fields, device got) got {
	w.t.Helper()
	return w.post("/token", client.with("grantType", grantDeviceCode).with("deviceCode", device.text("deviceCode")))
}

func (w *wire) refresh(client fields, token string) got {
	w.t.Helper()
	return w.post("/token", client.with("grantType", grantRefresh).with("refreshToken", token))
}

// signIn signs in and returns the client and the answer with its tokens.
func (w *wire) signIn(scopes ...string) (client fields, tokens got) {
	w.t.Helper()
	client = w.register(scopes...)
	device := w.authorize(client)
	if err := w.server.Approve(device.text("userCode")); err != nil {
		w.t.Fatal(err)
	}
	tokens = w.poll(client, device)
	w.expect(tokens, 200, "")
	return client, tokens
}

const accountAccess = "sso:account:access"

// expect checks the status and, in the form of either service, the error.
func (w *wire) expect(g got, status int, code string) {
	w.t.Helper()
	name, _, _ := strings.Cut(g.header.Get("X-Amzn-ErrorType"), ":")
	if g.status != status || g.text("error") != code && name != code {
		w.t.Errorf("got %d %s %s, want %d %q", g.status, name, g.body, status, code)
	}
	if g.header.Get("X-Amzn-RequestId") == "" {
		w.t.Errorf("no request ID")
	}
}

func (w *wire) expectCounts(want map[string]int) {
	w.t.Helper()
	for op, n := range want {
		if got := w.server.Count(op); got != n {
			w.t.Errorf("Count(%q) = %d, want %d", op, got, n)
		}
	}
}

func TestSecretsAreListedAndMarked(t *testing.T) {
	s := New()
	w := inMemory(t, s)
	client, tokens := w.signIn(accountAccess)
	role := w.portal("GET", "/federation/credentials?account_id=111111111111&role_name=Admin", tokens.text("accessToken"))
	credentials := role.fields["roleCredentials"].(map[string]any)

	given := []string{
		client["clientSecret"].(string), tokens.text("accessToken"), tokens.text("refreshToken"),
		credentials["secretAccessKey"].(string), credentials["sessionToken"].(string),
	}
	secrets := s.Secrets()
	if len(secrets) != len(given)+1 { // and the device code
		t.Errorf("%d secrets, want %d", len(secrets), len(given)+1)
	}
	for _, secret := range given {
		if !slices.Contains(secrets, secret) {
			t.Errorf("not listed: %.20s…", secret)
		}
	}
	for _, secret := range secrets {
		if !strings.Contains(secret, s.Marker()) {
			t.Errorf("without the marker: %.20s…", secret)
		}
	}
	for _, public := range []string{client["clientId"].(string), credentials["accessKeyId"].(string)} {
		if strings.Contains(public, s.Marker()) {
			t.Errorf("the marker is in %s, which is no secret", public)
		}
	}
	if New().Marker() == s.Marker() {
		t.Error("two servers share a marker")
	}
}

func TestSecretsHaveTheSizesOfRealOnes(t *testing.T) {
	w := inMemory(t, New())
	client, tokens := w.signIn(accountAccess)
	secret := client["clientSecret"].(string)
	if n := len(secret); n < 2500 || n > 2800 || strings.Count(secret, ".") != 2 {
		t.Errorf("client secret of %d bytes, %d dots", n, strings.Count(secret, "."))
	}
	for name, prefix := range map[string]string{"accessToken": "aoa", "refreshToken": "aor"} {
		if token := tokens.text(name); len(token) != 240 || !strings.HasPrefix(token, prefix) {
			t.Errorf("%s of %d bytes begins with %.3s", name, len(token), token)
		}
	}
	key := w.server.newKey("111111111111", "arn:aws:sts::111111111111:assumed-role/r/s", time.Hour)
	if len(key.id) != 20 || len(key.secret) != 40 || len(key.token) < 700 {
		t.Errorf("key of %d, %d and %d bytes", len(key.id), len(key.secret), len(key.token))
	}
}

func TestRotationReadsWhatItWrites(t *testing.T) {
	for _, r := range []Rotation{None, Omit, Grace, Strict} {
		text, _ := r.MarshalText()
		var back Rotation
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("%v comes back as %v, %v", r, back, err)
		}
	}
	if new(Rotation).UnmarshalText([]byte("daily")) == nil {
		t.Error("no error for an unknown word")
	}
}

func TestLogAndCountsTellWhatHappened(t *testing.T) {
	s := New()
	s.Rotation = Strict
	w := inMemory(t, s)
	client, tokens := w.signIn(accountAccess)
	first := tokens.text("refreshToken")
	second := w.refresh(client, first).text("refreshToken")
	w.expect(w.refresh(client, first), 400, "invalid_grant")
	role := w.portal("GET", "/federation/credentials?account_id=222222222222&role_name=Admin", tokens.text("accessToken"))
	key, _ := role.fields["roleCredentials"].(map[string]any)["accessKeyId"].(string)

	w.expectCounts(map[string]int{
		"RegisterClient": 1, "StartDeviceAuthorization": 1, "CreateToken": 3, "CreateToken:device_code": 1,
		"CreateToken:refresh_token": 2, "GetRoleCredentials": 1, "Logout": 0, "violations": 0,
	})
	if s.Total() != 6 {
		t.Errorf("Total() = %d, want 6", s.Total())
	}
	want := []Event{
		{Op: "RegisterClient", Status: 200, Delivered: true},
		{Op: "StartDeviceAuthorization", Status: 200, Delivered: true},
		{Op: "CreateToken", Grant: "device_code", Status: 200, Given: hash(first), Delivered: true},
		{Op: "CreateToken", Grant: "refresh_token", Status: 200, Used: hash(first), Given: hash(second), Delivered: true},
		{Op: "CreateToken", Grant: "refresh_token", Status: 400, Code: "invalid_grant", Used: hash(first), Delivered: true},
		{Op: "GetRoleCredentials", Role: "222222222222/Admin", Status: 200, Key: key, Delivered: true},
	}
	log := s.Log()
	for i := range log {
		if log[i].Time.IsZero() {
			t.Errorf("event %d has no time", i)
		}
		log[i].Time = time.Time{}
	}
	if !slices.Equal(log, want) {
		t.Errorf("log\n%+v\nwant\n%+v", log, want)
	}
	var text bytes.Buffer
	json.NewEncoder(&text).Encode(log)
	if strings.Contains(text.String(), s.Marker()) {
		t.Error("a secret in the log")
	}
}

func TestClockOffsetMovesWhatIsToldAndNotWhatLasts(t *testing.T) {
	s := New()
	s.ClockOffset = -time.Hour
	w := overSocket(t, s)
	told := time.Now().Add(-time.Hour)
	near := func(what string, at, want time.Time) {
		t.Helper()
		if at.Sub(want).Abs() > time.Minute {
			t.Errorf("%s is %v, want about %v", what, at, want)
		}
	}
	g := w.post("/client/register", fields{"clientName": "test", "clientType": "public"})
	date, err := http.ParseTime(g.header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	near("Date", date, told)
	near("clientIdIssuedAt", time.Unix(int64(g.fields["clientIdIssuedAt"].(float64)), 0), told)
	near("clientSecretExpiresAt", time.Unix(int64(g.fields["clientSecretExpiresAt"].(float64)), 0), told.Add(90*24*time.Hour))

	_, tokens := w.signIn(accountAccess)
	role := w.portal("GET", "/federation/credentials?account_id=111111111111&role_name=Admin", tokens.text("accessToken"))
	w.expect(role, 200, "")
	expiration := role.fields["roleCredentials"].(map[string]any)["expiration"].(float64)
	near("expiration", time.UnixMilli(int64(expiration)), told.Add(time.Hour))
}

func TestAMisspelledOperationFailsTheTest(t *testing.T) {
	s := New()
	for name, use := range map[string]func(){
		"Count": func() { s.Count("GetRoleCredential") },
		"Fault": func() { s.Fault("Authorize", Fault{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			use()
		})
	}
}

func TestAZeroServerSaysHowToMakeOne(t *testing.T) {
	answer, err := new(Server).Client().Get("https://portal.sso.us-east-1.amazonaws.com/assignment/accounts")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusInternalServerError || !strings.Contains(string(body), "New") {
		t.Errorf("status %d, %q, error %v", answer.StatusCode, body, err)
	}
}

func TestSizesThatCannotBeAreTheNearestThatCan(t *testing.T) {
	s := New()
	s.TokenSize, s.PageSize = -1, 0
	w := inMemory(t, s)
	_, tokens := w.signIn(accountAccess)
	if n := len(tokens.text("accessToken")); n != 100 {
		t.Errorf("an access token of %d characters, want 100", n)
	}
	page := w.portal("GET", "/assignment/accounts", tokens.text("accessToken"))
	if page.status != 200 || strings.Count(page.body, "accountId") != 1 || !strings.Contains(page.body, `"nextToken":"`) {
		t.Errorf("the first page: %d %s", page.status, page.body)
	}
}
