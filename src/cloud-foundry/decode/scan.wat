;; Where text stops being what a step reads: sixteen bytes of it at a time, by SIMD, which TypeScript has no words for. Made into
;; generated/scan.wasm by dev/build-wasm.mjs; scan.ts says what each function is for.
;;
;; Each takes the position of a byte in the memory and returns that of the first byte, there or behind it, that is not of its kind. A zero is
;; of no kind, so what ends in one needs no look at where that is. Fifteen bytes behind it are read, too, and do not count.
(module
  ;; 33 pages of 64 KiB. It never grows: its buffer stays the same, and compilers of JavaScript take it as a constant.
  (memory (export "memory") 33 33)

  ;; A string's text: no quote, no backslash, no control (below 0x20).
  (func (export "endOfText") (param $at i32) (result i32)
    (local $text v128)
    (local $marks i32)
    (loop $next
      (local.set $text (v128.load (local.get $at)))
      (local.set $marks
        (i8x16.bitmask
          (v128.or
            (v128.or
              (i8x16.eq (local.get $text) (v128.const i64x2 0x2222222222222222 0x2222222222222222))
              (i8x16.eq (local.get $text) (v128.const i64x2 0x5c5c5c5c5c5c5c5c 0x5c5c5c5c5c5c5c5c)))
            (i8x16.lt_u (local.get $text) (v128.const i64x2 0x2020202020202020 0x2020202020202020)))))
      (if (i32.eqz (local.get $marks))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (i32.add (local.get $at) (i32.ctz (local.get $marks))))

  ;; The same in ASCII alone. Compared as signed numbers, bytes beyond ASCII are below 0x20, too.
  (func (export "endOfAscii") (param $at i32) (result i32)
    (local $text v128)
    (local $marks i32)
    (loop $next
      (local.set $text (v128.load (local.get $at)))
      (local.set $marks
        (i8x16.bitmask
          (v128.or
            (v128.or
              (i8x16.eq (local.get $text) (v128.const i64x2 0x2222222222222222 0x2222222222222222))
              (i8x16.eq (local.get $text) (v128.const i64x2 0x5c5c5c5c5c5c5c5c 0x5c5c5c5c5c5c5c5c)))
            (i8x16.lt_s (local.get $text) (v128.const i64x2 0x2020202020202020 0x2020202020202020)))))
      (if (i32.eqz (local.get $marks))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (i32.add (local.get $at) (i32.ctz (local.get $marks))))

  ;; Digits of base64 (RFC 4648, section 4), without padding: letters, `/` and the digits behind it, `+`.
  (func (export "endOfBase64") (param $at i32) (result i32)
    (local $text v128)
    (local $others i32)
    (loop $next
      (local.set $text (v128.load (local.get $at)))
      (local.set $others
        (i32.xor
          (i32.const 0xffff)
          (i8x16.bitmask
            (v128.or
              (v128.or
                (i8x16.lt_u
                  (i8x16.sub (v128.or (local.get $text) (v128.const i64x2 0x2020202020202020 0x2020202020202020)) (v128.const i64x2 0x6161616161616161 0x6161616161616161))
                  (v128.const i64x2 0x1a1a1a1a1a1a1a1a 0x1a1a1a1a1a1a1a1a))
                (i8x16.lt_u (i8x16.sub (local.get $text) (v128.const i64x2 0x2f2f2f2f2f2f2f2f 0x2f2f2f2f2f2f2f2f)) (v128.const i64x2 0x0b0b0b0b0b0b0b0b 0x0b0b0b0b0b0b0b0b)))
              (i8x16.eq (local.get $text) (v128.const i64x2 0x2b2b2b2b2b2b2b2b 0x2b2b2b2b2b2b2b2b))))))
      (if (i32.eqz (local.get $others))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (i32.add (local.get $at) (i32.ctz (local.get $others))))

  ;; Decimal digits.
  (func (export "endOfDigits") (param $at i32) (result i32)
    (local $others i32)
    (loop $next
      (local.set $others
        (i8x16.bitmask
          (i8x16.gt_u
            (i8x16.sub (v128.load (local.get $at)) (v128.const i64x2 0x3030303030303030 0x3030303030303030))
            (v128.const i64x2 0x0909090909090909 0x0909090909090909))))
      (if (i32.eqz (local.get $others))
        (then
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))
    (i32.add (local.get $at) (i32.ctz (local.get $others)))))
