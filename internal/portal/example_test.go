package portal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/credproc/credproc/internal/portal"
)

func ExampleClient_RoleCredentials() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "ForbiddenException")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message":"No access"}`)
	}))
	defer service.Close()

	client := &portal.Client{Region: "eu-west-1", URL: service.URL}
	_, err := client.RoleCredentials(context.Background(), "…", "111111111111", "Admin")
	fmt.Println(err)
	fmt.Println("not assigned:", errors.Is(err, portal.ErrNoAccess))
	// Output:
	// GetRoleCredentials: ForbiddenException: No access (HTTP 403)
	// not assigned: true
}
