/**
 * The shortest digits that read back as the same double, never with an exponent: `0.0000001`, `100000000000000000000`.
 * No `.0` on whole numbers; `-0` keeps its sign. The number must be finite.
 */
export function formatFloat(number: number): string {
  const text = Object.is(number, -0) ? '-0' : String(number)
  const exponentAt = text.indexOf('e')
  return exponentAt < 0 ? text : withoutExponent(text.slice(0, exponentAt), Number(text.slice(exponentAt + 1)))
}

/** String() uses an exponent only below -6 and above 20, where all digits lie on one side of the point. */
function withoutExponent(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  return exponent < 0 ? `${sign}0.${'0'.repeat(-exponent - 1)}${digits}` : sign + digits.padEnd(exponent + 1, '0')
}
