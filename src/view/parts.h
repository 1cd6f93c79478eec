/* Parts that several kinds of objects have; used in this room only. */
#pragma once

#include "view/view.h"

/* Texts of the array, in an array that the caller frees; a value that is no text becomes "". */
size_t read_texts(const struct js *list, const char ***ret);
/* Labels whose value is a text, in an array that the caller frees. */
size_t read_labels(const struct js *labels, struct label **ret);
/* A LabelSelector: matchLabels first, then matchExpressions. */
void read_selector(const struct js *selector, struct selector_view *ret);
void selector_view_done(struct selector_view *v);
/* NULL is nobody's. */
bool is_our_manager(const struct view_config *c, const char *name);
void read_conditions(const struct js *list, struct conditions_view *ret);
void conditions_view_done(struct conditions_view *v);
