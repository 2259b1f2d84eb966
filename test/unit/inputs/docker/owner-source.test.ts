import { expect, it } from 'vitest'
import { type Described, ownerName, parseOwnerSource } from '../../../../src/inputs/docker/inventory/owner-source.ts'

const plain: Described = { id: 'f00', name: 'quiet_otter', image: 'shop/web', host: 'node-1', labels: {}, env: [] }

const nameOf = (container: Partial<Described>, ...sources: string[]) => {
  const parsed = sources.map((text) => parseOwnerSource(text)).filter((source) => source !== undefined)
  expect(parsed).toHaveLength(sources.length)
  return ownerName({ ...plain, ...container }, parsed)
}

it('takes the first source that gives something', () => {
  const env = ['EMPTY=', 'MARATHON_APP_ID=/shop/web', 'A=b=c']
  expect(nameOf({ env }, 'label:app', 'env:EMPTY', 'env:MARATHON_APP_ID', 'name')).toBe('/shop/web')
  expect(nameOf({ env }, 'env:A')).toBe('b=c')
  expect(nameOf({ env }, 'env:MARATHON')).toBeUndefined()
  expect(nameOf({ labels: { 'com.docker.compose.service': 'web' } }, 'label:com.docker.compose.service', 'name')).toBe('web')
  expect(nameOf({}, 'label:toString', 'text:all')).toBe('all')
})

it('reads what a swarm and Cloud Foundry say', () => {
  expect(nameOf({ labels: { 'com.docker.swarm.task.name': 'web.3.x1y2' } }, 'slot', 'name')).toBe('3')
  expect(nameOf({}, 'slot', 'name')).toBe('quiet_otter')
  const env = ['VCAP_APPLICATION={"application_name":"shop","instance_index":0}']
  expect(nameOf({ env }, 'vcap:application_name')).toBe('shop')
  expect(nameOf({ env }, 'vcap:instance_index')).toBe('0')
  expect(nameOf({ env: ['VCAP_APPLICATION={'] }, 'vcap:application_name', 'host')).toBe('node-1')
})

it('knows no other words', () => {
  for (const text of ['', 'env:', 'label', 'names', 'ENV:A']) expect(parseOwnerSource(text)).toBeUndefined()
})
