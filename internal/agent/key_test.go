package agent

import (
	"strings"
	"testing"
)

func TestAMisspelledRuleIsToldFromOtherKeys(t *testing.T) {
	for rest, want := range map[string][2]bool{ // may be a rule, or any limit
		"_agents": {true, true}, "_agent_login": {true, true}, "_agent": {true, true}, "_agents_login": {true, true}, "-agents": {true, true},
		" agents": {true, true}, "agents": {true, true}, "_agnets": {true, true}, "_agets": {true, true}, "_aegnt_login": {true, true},
		"_policies": {true, true}, "_sessiontags": {true, true}, "_soruce_identity": {true, true}, "_agents none": {true, true},
		"_policy_arns": {false, true}, "_policy": {false, true}, "_source_identity": {false, true},
		"": {}, "_": {}, " process --profile agents": {}, "_region": {}, "x": {},
	} {
		if rule, limit := MayBeRule(rest), MayBeLimit(rest); rule != want[0] || limit != want[1] {
			t.Errorf("%q may be a rule: %v, a limit: %v", rest, rule, limit)
		}
	}
	for key := range strings.FieldsSeq("keyring flow audit session_duration browser console_browser key_file cli_cache application_arn web_identity_token_file web_identity_token_command bootstrap_role_arn bootstrap_profile keyrng flwo audti") {
		if MayBeLimit("_" + key) {
			t.Errorf("%s is no limit", key)
		}
	}
	if !IsLimitOfSession("_agent_login") || IsLimitOfProfile("_agent_login") || !IsLimitOfProfile("_policy") || IsLimitOfSession("_policy") || IsLimitOfSession("agents") || IsLimitOfSession("_") {
		t.Error("a key is in the wrong section")
	}
}
