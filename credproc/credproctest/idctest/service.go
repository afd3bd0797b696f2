package idctest

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"net/http"
)

// A service is one of the five APIs, each with its own way to wrap an answer
// and to refuse.
type service int

const (
	oidcAPI service = iota
	portalAPI
	stsAPI
	signinAPI // of the console
	ssmAPI
)

// accept wraps what an operation returned; nil is an empty body.
func (v service) accept(op string, result any) answer {
	if v == stsAPI {
		return xmlAnswer(http.StatusOK, stsResponse(op, result))
	}
	if page, ok := result.(redirect); ok {
		a := answer{status: http.StatusFound, header: head("text/html")}
		a.header.Set("Location", string(page))
		return a
	}
	if result == nil {
		return answer{status: http.StatusOK, header: head("application/json")}
	}
	return jsonAnswer(http.StatusOK, result)
}

// refuse wraps an error.
func (v service) refuse(e *apiError) answer {
	switch v {
	case stsAPI:
		return xmlAnswer(e.status, stsError(e))
	case signinAPI: // says no more than this
		return answer{status: e.status, header: head("text/html"), body: []byte("<html><body>Bad Request</body></html>")}
	case ssmAPI:
		a := jsonAnswer(e.status, struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}{e.code, e.description})
		a.header.Set("Content-Type", "application/x-amz-json-1.1")
		return a
	case portalAPI:
		a := jsonAnswer(e.status, struct {
			Message string `json:"message"`
		}{e.description})
		a.header.Set("X-Amzn-ErrorType", e.code)
		return a
	}
	a := jsonAnswer(e.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Reason      string `json:"reason,omitempty"`
		Region      string `json:"region,omitempty"`
		Endpoint    string `json:"endpoint,omitempty"`
	}{e.code, e.description, e.reason, e.region, e.endpoint()})
	name := exception(e.code)
	if e.region != "" {
		name = "InvalidRequestRegionException"
	}
	a.header.Set("X-Amzn-ErrorType", name+":http://internal.amazon.com/coral/com.amazonaws.sso.oidc/")
	return a
}

func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package come here
	}
	return answer{status: status, header: head("application/json"), body: body}
}

func xmlAnswer(status int, v any) answer {
	body, err := xml.Marshal(v)
	if err != nil {
		panic(err) // only types of this package come here
	}
	return answer{status: status, header: head("text/xml"), body: body}
}

func head(contentType string) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", contentType)
	h.Set("X-Amzn-Requestid", requestID())
	return h
}

// exception returns the name that the sign-in service's error header has for
// an error code.
func exception(code string) string {
	return cmp.Or(map[string]string{
		"access_denied":           "AccessDeniedException",
		"authorization_pending":   "AuthorizationPendingException",
		"expired_token":           "ExpiredTokenException",
		"invalid_client":          "InvalidClientException",
		"invalid_client_metadata": "InvalidClientMetadataException",
		"invalid_grant":           "InvalidGrantException",
		"invalid_redirect_uri":    "InvalidRedirectUriException",
		"invalid_request":         "InvalidRequestException",
		"invalid_scope":           "InvalidScopeException",
		"server_error":            "InternalServerException",
		"slow_down":               "SlowDownException",
		"unauthorized_client":     "UnauthorizedClientException",
		"unsupported_grant_type":  "UnsupportedGrantTypeException",
	}[code], code)
}

// statusOf returns the HTTP status that goes with an error code.
func statusOf(code string) int {
	switch code {
	case "invalid_client", "UnauthorizedException":
		return http.StatusUnauthorized
	case "ForbiddenException", "AccessDenied", "InvalidClientTokenId", "ExpiredToken", "MissingAuthenticationToken", "SignatureDoesNotMatch":
		return http.StatusForbidden
	case "ResourceNotFoundException":
		return http.StatusNotFound
	case "TooManyRequestsException":
		return http.StatusTooManyRequests
	case "server_error", "InternalServerException", "InternalFailure":
		return http.StatusInternalServerError
	case "ServiceUnavailableException", "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// code returns an error code that goes with an HTTP status.
func (v service) code(status int) string {
	switch {
	case status == http.StatusServiceUnavailable:
		return "ServiceUnavailableException"
	case status == http.StatusTooManyRequests:
		return "TooManyRequestsException"
	case v == oidcAPI && status == http.StatusUnauthorized:
		return "invalid_client"
	case v == oidcAPI && status >= 500:
		return "server_error"
	case v == oidcAPI:
		return "invalid_request"
	case v == signinAPI:
		return "BadRequest"
	case v == stsAPI && status >= 500:
		return "InternalFailure"
	case v == stsAPI && status == http.StatusForbidden:
		return "AccessDenied"
	case v == stsAPI:
		return "ValidationError"
	case status == http.StatusUnauthorized:
		return "UnauthorizedException"
	case status == http.StatusForbidden:
		return "ForbiddenException"
	case status == http.StatusNotFound:
		return "ResourceNotFoundException"
	case status >= 500:
		return "InternalServerException"
	}
	return "InvalidRequestException"
}

// fail returns an error of the service.
func (v service) fail(code, description string) *apiError {
	return &apiError{status: statusOf(code), code: code, description: description}
}

// refusal is fail as an error.
func (v service) refusal(code, description string) error { return v.fail(code, description) }
