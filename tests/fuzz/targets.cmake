# The fuzz targets, one a line of targets.inc, and what of the examples a target needs to be linked.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/targets.inc" lines REGEX "^RAFTKIT_FUZZ_EACH\\(")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_LIST_DIR}/targets.inc")
set(raftkit_fuzz_targets "")
foreach(line IN LISTS lines)
    string(REGEX REPLACE "^RAFTKIT_FUZZ_EACH\\((.*)\\)$" "\\1" target "${line}")
    list(APPEND raftkit_fuzz_targets "${target}")
endforeach()
set(raftkit_fuzz_sources_resp "${PROJECT_SOURCE_DIR}/examples/kvd/resp.cpp")
set(raftkit_fuzz_sources_options "${PROJECT_SOURCE_DIR}/examples/kvd/options.cpp"
    "${PROJECT_SOURCE_DIR}/examples/load/options.cpp")
