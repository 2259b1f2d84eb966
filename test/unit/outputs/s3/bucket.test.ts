import { expect, it } from 'vitest'
import { addressOf } from '../../../../src/outputs/s3/bucket.ts'

const region = 'eu-central-1'

it.each([
  ['Amazon', {}, 'https://logs.s3.eu-central-1.amazonaws.com', ''],
  ['Amazon in China', { region: 'cn-north-1' }, 'https://logs.s3.cn-north-1.amazonaws.com.cn', ''],
  ['Amazon, of a name that no certificate covers', { bucket: 'a.b' }, 'https://s3.eu-central-1.amazonaws.com', '/a.b'],
  ['another store', { endpoint: 'http://store:9000' }, 'http://store:9000', '/logs'],
  ['another store below a path', { endpoint: 'https://store/s3' }, 'https://store', '/s3/logs'],
  ['another store with names of hosts', { endpoint: 'https://store:9000', pathStyle: false }, 'https://logs.store:9000', ''],
])('a bucket of %s', (_, options, origin, basePath) => {
  expect(addressOf({ bucket: 'logs', region, endpoint: undefined, pathStyle: undefined, ...options })).toMatchObject({ origin, basePath })
})
