# lmf_kernels: every kernel, without Python. native/*.cpp is compiled once;
# native/isa/*.cpp is compiled once per instruction set, each in a namespace of its own,
# and chosen when the program runs (native/dispatch.hpp).

file(GLOB LMF_PLAIN CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
file(GLOB LMF_PER_ISA CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/isa/*.cpp)

set(LMF_OPTIMIZATION -O3 CACHE STRING "Optimization of the kernels; less compiles faster")
set(LMF_FLAGS ${LMF_OPTIMIZATION} -Wall -Wextra -Wno-psabi -fno-math-errno -fno-trapping-math -ffp-contract=fast)

add_library(lmf_kernels STATIC ${LMF_PLAIN})
target_include_directories(lmf_kernels PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_compile_options(lmf_kernels PRIVATE ${LMF_FLAGS})
target_link_libraries(lmf_kernels PUBLIC Threads::Threads)

function(lmf_add_isa name)
  add_library(lmf_isa_${name} OBJECT ${LMF_PER_ISA})
  target_include_directories(lmf_isa_${name} PRIVATE ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  target_compile_options(lmf_isa_${name} PRIVATE ${LMF_FLAGS} ${ARGN})
  target_compile_definitions(lmf_isa_${name} PRIVATE LMF_ISA=${name})
  target_sources(lmf_kernels PRIVATE $<TARGET_OBJECTS:lmf_isa_${name}>)
endfunction()

lmf_add_isa(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  lmf_add_isa(avx2 -mavx2 -mfma -mbmi -mbmi2 -mtune=haswell)
  lmf_add_isa(avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mbmi -mbmi2
              -mtune=skylake-avx512 -mprefer-vector-width=512)
  target_compile_definitions(lmf_kernels PRIVATE LMF_X86=1)
endif()
