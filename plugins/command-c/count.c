// Counts lines, words and bytes of files, or of standard input. An ordinary program that knows nothing of wharf.

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int count(FILE *source, const char *name) {
    unsigned long long lines = 0, words = 0, bytes = 0;
    int byte, in_word = 0;
    while ((byte = getc(source)) != EOF) {
        int space = isspace(byte) != 0;
        bytes++;
        lines += byte == '\n';
        words += !space && !in_word;
        in_word = !space;
    }
    if (ferror(source)) {
        fprintf(stderr, "command-c: %s: %s\n", name ? name : "standard input", strerror(errno));
        return 1;
    }
    printf("%llu %llu %llu%s%s\n", lines, words, bytes, name ? " " : "", name ? name : "");
    return 0;
}

int main(int argc, char **argv) {
    int failed = 0;
    if (argc < 2) failed = count(stdin, NULL);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            fprintf(stderr, "command-c: %s: %s\n", argv[i], strerror(errno));
            failed = 1;
            continue;
        }
        failed |= count(file, argv[i]);
        fclose(file);
    }
    if (fflush(stdout) != 0) failed = 1;
    return failed;
}
