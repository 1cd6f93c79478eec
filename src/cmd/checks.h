/* What the values of some flags must look like. An empty value never comes here. */
#pragma once

#include <stdbool.h>

/* --ipam: who gives PodCIDRs. */
bool check_ipam(const char *value);
bool check_class(const char *value);         /* as Kubernetes wants spec.loadBalancerClass */
bool check_label_value(const char *value);   /* of a Kubernetes label */
bool check_namespace(const char *value);     /* a DNS label (RFC 1123) */
bool check_object_name(const char *value);   /* a DNS subdomain (RFC 1123) */
bool check_field_manager(const char *value); /* as the API server wants it: 1 to 128 printable ones */
bool check_address(const char *value);       /* HOST:PORT, [V6]:PORT or :PORT */
bool check_loopback(const char *value);      /* the same, and HOST is a loopback address in numbers */
