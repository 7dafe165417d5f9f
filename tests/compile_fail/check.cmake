# cmake -DCOMPILER=g++ -DSOURCE=case.cpp -DINCLUDE=dir -P check.cmake: one compile-fail case.

function(refuse why)
    message(NOTICE "${SOURCE}: ${why}")  # as it stands: a fatal message would be wrapped
    message(FATAL_ERROR "The case does not hold.")
endfunction()

set(compile "${COMPILER}" -std=c++20 -fsyntax-only -Wall -Wextra "-I${INCLUDE}")

file(STRINGS "${SOURCE}" sentences REGEX "^// expect: " ENCODING UTF-8)
if(NOT sentences)
    refuse("it expects no sentence: begin it with '// expect: ...'.")
endif()

execute_process(COMMAND ${compile} "${SOURCE}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
    refuse("it compiles, but must not.")
endif()
foreach(sentence IN LISTS sentences)
    string(REGEX REPLACE "^// expect: " "" sentence "${sentence}")
    string(FIND "${output}" "${sentence}" place)
    if(place EQUAL -1)
        refuse("the compiler does not say\n  ${sentence}\nbut\n${output}")
    endif()
endforeach()

execute_process(COMMAND ${compile} -DFIXED -Werror "${SOURCE}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
    refuse("the cure does not compile (-DFIXED):\n${output}")
endif()
