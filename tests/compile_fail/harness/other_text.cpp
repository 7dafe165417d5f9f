// expect: the moon is made of cheese
#ifndef FIXED
static_assert(false, "something else");
#endif
int main() {}
