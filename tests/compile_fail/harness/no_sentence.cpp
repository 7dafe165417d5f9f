#ifndef FIXED
static_assert(false, "a sentence of the house");
#endif
int main() {}
