import { expect, it } from 'vitest'
import { encodePart, signed } from '../../../../src/outputs/s3/sigv4.ts'

// Amazon's own examples: "Signature Calculations for the Authorization Header", Amazon S3 API Reference.
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const now = new Date('2013-05-24T00:00:00Z')
const host = 'examplebucket.s3.amazonaws.com'

it.each([
  [
    'an object',
    { method: 'GET', path: '/test.txt', headers: { range: 'bytes=0-9' } },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'a put',
    {
      method: 'PUT',
      path: `/${encodePart('test$file.text')}`,
      headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      body: Buffer.from('Welcome to Amazon S3.'),
    },
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'a list',
    { method: 'GET', path: '/', query: { prefix: 'J', 'max-keys': '2' } },
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
])('signs %s as Amazon does', (_, request, signature) => {
  expect(signed({ host, ...request }, credentials, 'us-east-1', now)['authorization']).toMatch(new RegExp(`Signature=${signature}$`))
})

it('a session token is sent and signed', () => {
  const headers = signed({ method: 'GET', host, path: '/' }, { ...credentials, sessionToken: 'token' }, 'us-east-1', now)
  expect(headers).toMatchObject({ 'x-amz-security-token': 'token', authorization: expect.stringContaining(';x-amz-security-token,') })
})

it('encodes what a key may hold and a URL may not', () => {
  expect(encodePart("dt=1 +!'()*ü~-._")).toBe('dt%3D1%20%2B%21%27%28%29%2A%C3%BC~-._')
})
