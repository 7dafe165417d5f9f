# One compile-fail case, or (without SOURCE) the precompiled headers that make the cases cheap:
# cmake -DCOMPILER=g++ -DINCLUDE=dir -DHEADERS=dir/common.hpp [-DSOURCE=case.cpp] -P check.cmake

function(refuse why)
    message(NOTICE "${SOURCE}: ${why}")  # as it stands: a fatal message would be wrapped
    message(FATAL_ERROR "The case does not hold.")
endfunction()

set(compile "${COMPILER}" -std=c++20 -Wall -Wextra "-I${INCLUDE}")

if(NOT SOURCE)  # gcc looks for FILE.gch beside FILE, clang does so too for -include FILE.pch
    get_filename_component(directory "${HEADERS}" DIRECTORY)
    file(COPY "${CMAKE_CURRENT_LIST_DIR}/common.hpp" DESTINATION "${directory}")
    execute_process(COMMAND ${compile} -x c++-header "${HEADERS}" -o "${HEADERS}.gch"
        COMMAND_ERROR_IS_FATAL ANY)
    return()
endif()
list(APPEND compile -fsyntax-only -include "${HEADERS}")

file(STRINGS "${SOURCE}" sentences REGEX "^// expect: " ENCODING UTF-8)
if(NOT sentences)
    refuse("it expects no sentence: begin it with '// expect: ...'.")
endif()

execute_process(COMMAND ${compile} "${SOURCE}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
    refuse("it compiles, but must not.")
endif()
string(REGEX MATCH "error: [^\n]*" first_error "${output}")
set(said_first FALSE)
foreach(sentence IN LISTS sentences)
    string(REGEX REPLACE "^// expect: " "" sentence "${sentence}")
    string(FIND "${output}" "${sentence}" place)
    if(place EQUAL -1)
        refuse("the compiler does not say\n  ${sentence}\nbut\n${output}")
    endif()
    string(FIND "${first_error}" "${sentence}" place)
    if(NOT place EQUAL -1)
        set(said_first TRUE)
    endif()
endforeach()
if(NOT said_first)  # the user reads the first error: it has to be the sentence
    refuse("another error comes before the sentence:\n${output}")
endif()

execute_process(COMMAND ${compile} -DFIXED -Werror "${SOURCE}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
    refuse("the cure does not compile (-DFIXED):\n${output}")
endif()
