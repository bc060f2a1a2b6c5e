;; A core program of WASI preview 1 whose `_start` is the body that a test gives. Its text lies at 64.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "@TEXT@")
  (func $write (param $fd i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const @LENGTH@))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 32))))
  (func (export "_start") (local $n i32)
    @BODY@))
