// expect: a sentence of the house
#ifndef FIXED
static_assert(false, "nonsense of the compiler");
static_assert(false, "a sentence of the house");
#endif
int main() {}
