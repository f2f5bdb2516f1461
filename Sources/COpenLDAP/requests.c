// Requests that are sent and answers that have come; nothing here waits.
#include "COpenLDAP.h"
#include <string.h>
#include <sys/time.h>

int directory_bind(LDAP *handle, const char *dn, const void *password, size_t count) {
    struct berval secret = {.bv_len = count, .bv_val = (char *)password};
    LDAPControl policy = {.ldctl_oid = LDAP_CONTROL_PASSWORDPOLICYREQUEST, .ldctl_iscritical = 0};
    LDAPControl *controls[] = {&policy, NULL};
    int number = -1;
    int code = ldap_sasl_bind(handle, dn, LDAP_SASL_SIMPLE, &secret, controls, NULL, &number);
    return code == LDAP_SUCCESS ? number : -1;
}

int directory_search(LDAP *handle, const char *base, bool whole_subtree, const char *filter,
                     const char *const *attributes, int size_limit, int seconds) {
    struct timeval time = {.tv_sec = seconds};
    int number = -1;
    int code = ldap_search_ext(handle, base, whole_subtree ? LDAP_SCOPE_SUBTREE : LDAP_SCOPE_BASE,
                               filter, (char **)attributes, 0, NULL, NULL, &time, size_limit, &number);
    return code == LDAP_SUCCESS ? number : -1;
}

static int extended(LDAP *handle, const char *name) {
    int number = -1;
    int code = ldap_extended_operation(handle, name, NULL, NULL, NULL, &number);
    return code == LDAP_SUCCESS ? number : -1;
}

int directory_start_tls(LDAP *handle) { return extended(handle, LDAP_EXOP_START_TLS); }

int directory_who_am_i(LDAP *handle) { return extended(handle, LDAP_EXOP_WHO_AM_I); }

/// Whether the server has announced that it goes away, or says something that nobody asked for
/// (RFC 4511 section 4.4).
static bool has_notice(LDAP *handle) {
    struct timeval now = {0};
    LDAPMessage *message = NULL;
    int type = ldap_result(handle, LDAP_RES_UNSOLICITED, LDAP_MSG_ONE, &now, &message);
    if (message) ldap_msgfree(message);
    return type > 0;
}

enum directory_arrival directory_next(LDAP *handle, int number, int expected, LDAPMessage **message) {
    struct timeval now = {0};
    *message = NULL;
    int type = ldap_result(handle, number, LDAP_MSG_ONE, &now, message);
    if (type == 0) return has_notice(handle) ? DIRECTORY_UNEXPECTED : DIRECTORY_NOTHING;
    if (type < 0) return DIRECTORY_BROKEN;
    if (type == expected) return DIRECTORY_RESULT;
    if (expected == LDAP_RES_SEARCH_RESULT && type == LDAP_RES_SEARCH_ENTRY) return DIRECTORY_ENTRY;
    ldap_msgfree(*message);
    *message = NULL;
    return expected == LDAP_RES_SEARCH_RESULT && type == LDAP_RES_SEARCH_REFERENCE
               ? DIRECTORY_REFERENCE
               : DIRECTORY_UNEXPECTED;
}

static int policy_error(LDAP *handle, LDAPControl **controls) {
    LDAPPasswordPolicyError error = PP_noError;
    LDAPControl *control = ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL);
    ber_int_t expires, grace;
    if (!control ||
        ldap_parse_passwordpolicy_control(handle, control, &expires, &grace, &error) != LDAP_SUCCESS)
        return -1;
    return error == PP_noError ? -1 : (int)error;
}

struct directory_result directory_result(LDAP *handle, LDAPMessage *message) {
    struct directory_result result = {.code = -1, .policy_error = -1};
    LDAPControl **controls = NULL;
    if (ldap_parse_result(handle, message, &result.code, NULL, &result.diagnostic, NULL, &controls,
                          0) != LDAP_SUCCESS)
        result.code = -1;
    if (controls) {
        result.policy_error = policy_error(handle, controls);
        ldap_controls_free(controls);
    }
    return result;
}

struct berval *directory_authorization(LDAP *handle, LDAPMessage *message) {
    struct berval *name = NULL;
    if (ldap_parse_extended_result(handle, message, NULL, &name, 0) != LDAP_SUCCESS) return NULL;
    return name;
}
