/* Memory for libcurl. */
#pragma once

/* libcurl takes a buffer of this size for each body that it sends, the least that it can be told to, and
 * keeps it until the answer is there. */
enum { HTTP_SEND_BUFFER = 16 * 1024 };

/* Starts libcurl (curl_global_init) with functions that give it such buffers where their pages end with them:
 * of a small body's only the first page is ever touched, and is all that counts. 0, or libcurl's error. */
int http_memory_init(void);
