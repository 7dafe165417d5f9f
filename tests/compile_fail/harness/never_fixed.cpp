// expect: a sentence of the house
static_assert(false, "a sentence of the house");
int main() {}
