/* Explodes a DBC from memory to memory with Mark Adler's blast (as pyreaddbc ships it), and prints the best of several runs as JSON. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "blast.h"

struct source { unsigned char *next; unsigned left; };
struct target { unsigned char *next; size_t left; };

static unsigned take(void *how, unsigned char **buffer) {
    struct source *source = how;
    unsigned given = source->left;
    *buffer = source->next;
    source->left = 0;
    return given;
}

static int put(void *how, unsigned char *bytes, unsigned length) {
    struct target *target = how;
    if (length > target->left) return 1;
    memcpy(target->next, bytes, length);
    target->next += length;
    target->left -= length;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: blast FILE.dbc TIMES\n"); return 2; }
    FILE *file = fopen(argv[1], "rb");
    if (!file) { perror(argv[1]); return 1; }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(size);
    if (!bytes || fread(bytes, 1, size, file) != size) { perror(argv[1]); return 1; }
    size_t header = bytes[8] | bytes[9] << 8;
    size_t records = bytes[4] | bytes[5] << 8 | bytes[6] << 16 | (size_t)bytes[7] << 24;
    size_t length = bytes[10] | bytes[11] << 8;
    size_t whole = header + records * length + 1;
    unsigned char *decoded = malloc(whole);
    memset(decoded, 0, whole);
    double best = 1e9;
    size_t written = 0;
    for (int run = atoi(argv[2]); run > 0; run--) {
        struct timespec from, to;
        struct source source = { bytes + header + 4, (unsigned)(size - header - 4) };
        struct target target = { decoded + header, whole - header };
        clock_gettime(CLOCK_MONOTONIC, &from);
        memcpy(decoded, bytes, header);
        int failed = blast(take, &source, put, &target);
        clock_gettime(CLOCK_MONOTONIC, &to);
        if (failed) { fprintf(stderr, "blast: %d\n", failed); return 1; }
        double seconds = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9;
        if (seconds < best) best = seconds;
        written = (size_t)(target.next - decoded);
    }
    printf("{\"seconds\": %.6f, \"rows\": %zu, \"bytes\": %zu}\n", best, records, written);
    return 0;
}
