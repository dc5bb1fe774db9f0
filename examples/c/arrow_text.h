/* One value of an Arrow array as text: the few types that answers have, by the Arrow C data interface alone. */
#ifndef ARROW_TEXT_H
#define ARROW_TEXT_H

#include <datasus.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool arrow_is_null(const struct ArrowArray *array, int64_t row) {
  const uint8_t *valid = (const uint8_t *)array->buffers[0];
  int64_t at = row + array->offset;
  return valid != NULL && (valid[at / 8] >> (at % 8) & 1) == 0;
}

/* 128 bits, two's complement, little endian, as a decimal number with so many digits behind the point. */
static inline int arrow_decimal(const uint64_t word[2], int scale, char *to, size_t room) {
  uint64_t low = word[0], high = word[1];
  bool negative = (high >> 63) != 0;
  if (negative) {
    low = ~low + 1;
    high = ~high + (low == 0);
  }
  uint32_t part[4] = {(uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(low >> 32), (uint32_t)low};
  char digits[64]; /* the last one first */
  int count = 0;
  while (count <= scale || part[0] || part[1] || part[2] || part[3]) {
    uint64_t rest = 0;
    for (int i = 0; i < 4; i++) {
      rest = rest << 32 | part[i];
      part[i] = (uint32_t)(rest / 10);
      rest %= 10;
    }
    digits[count++] = (char)('0' + (int)rest);
  }
  size_t used = 0;
  if (negative && used < room) to[used++] = '-';
  while (count-- > 0 && used + 1 < room) {
    to[used++] = digits[count];
    if (count == scale && scale > 0) to[used++] = '.';
  }
  to[used] = '\0';
  return (int)used;
}

/* Days since 1970-01-01, as YYYY-MM-DD. */
static inline int arrow_date(int64_t days, char *to, size_t room) {
  int64_t shifted = days + 719468;
  int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;
  int day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  int number = (int)(month < 10 ? month + 3 : month - 9);
  return snprintf(to, room, "%04d-%02d-%02d", (int)(year_of_era + era * 400 + (number <= 2)), number, day);
}

/* The text of a value that is not NULL. `*text` points to the array's own memory, or into `room`; the length is returned, or
 * -1 for a type that is not known here. */
static inline int64_t arrow_text(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row,
                                 char room[64], const char **text) {
  const char *format = schema->format;
  const void *values = array->buffers[1];
  int64_t at = row + array->offset;
  *text = room;
  /* Words behind a dictionary: labels come so, with 32-bit places. */
  if (schema->dictionary != NULL) {
    if (format[0] != 'i') return -1;
    return arrow_text(schema->dictionary, array->dictionary, ((const int32_t *)values)[at], room, text);
  }
  switch (format[0]) {
    case 'u': case 'U': case 'z': case 'Z': {
      bool large = format[0] == 'U' || format[0] == 'Z';
      int64_t from = large ? ((const int64_t *)values)[at] : ((const int32_t *)values)[at];
      int64_t to = large ? ((const int64_t *)values)[at + 1] : ((const int32_t *)values)[at + 1];
      *text = to > from ? (const char *)array->buffers[2] + from : "";
      return to - from;
    }
    case 'b': return snprintf(room, 64, "%s", ((const uint8_t *)values)[at / 8] >> (at % 8) & 1 ? "true" : "false");
    case 'c': return snprintf(room, 64, "%d", ((const int8_t *)values)[at]);
    case 'C': return snprintf(room, 64, "%u", ((const uint8_t *)values)[at]);
    case 's': return snprintf(room, 64, "%d", ((const int16_t *)values)[at]);
    case 'S': return snprintf(room, 64, "%u", ((const uint16_t *)values)[at]);
    case 'i': return snprintf(room, 64, "%d", ((const int32_t *)values)[at]);
    case 'I': return snprintf(room, 64, "%u", ((const uint32_t *)values)[at]);
    case 'l': return snprintf(room, 64, "%lld", (long long)((const int64_t *)values)[at]);
    case 'L': return snprintf(room, 64, "%llu", (unsigned long long)((const uint64_t *)values)[at]);
    case 'f': return snprintf(room, 64, "%.9g", (double)((const float *)values)[at]);
    case 'g': return snprintf(room, 64, "%.17g", ((const double *)values)[at]);
    case 'd': { /* d:precision,scale of 128 bits */
      const char *scale = strchr(format, ',');
      if (scale == NULL || strchr(scale + 1, ',') != NULL) return -1;
      return arrow_decimal((const uint64_t *)values + 2 * at, atoi(scale + 1), room, 64);
    }
    case 't':
      if (strcmp(format, "tdD") == 0) return arrow_date(((const int32_t *)values)[at], room, 64);
      return -1;
    default: return -1;
  }
}

#endif
