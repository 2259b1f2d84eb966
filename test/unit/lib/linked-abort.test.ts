import { expect, it } from 'vitest'
import { linkedAbort } from '../../../src/lib/linked-abort.ts'

it('aborts with its source, with the reason of that, or by itself', () => {
  const source = new AbortController()
  const [first, second, third] = [linkedAbort(source.signal), linkedAbort(source.signal), linkedAbort(source.signal)]
  second.abort('by itself')
  third.unlink()
  source.abort('the source')
  expect([first, second, third].map(({ signal }) => signal.reason)).toEqual(['the source', 'by itself', undefined])
  expect(linkedAbort(source.signal).signal.reason).toBe('the source')
})
