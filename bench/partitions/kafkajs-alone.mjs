import kafkajs from 'kafkajs'

/**
 * Stock kafkajs as the only member of a group, which counts what it is given and does nothing else. It asks Kafka for as much at
 * once as the worker does (src/inputs/kafka). Says in the worker's kind of log when it has joined and when it has counted so many.
 * Arguments: broker, topic, group, count.
 */
const [broker, topic, groupId, count] = process.argv.slice(2)
const say = (msg) => console.log(JSON.stringify({ level: 'INFO', msg }))

const consumer = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.ERROR }).consumer({
  groupId,
  heartbeatInterval: 1000,
  sessionTimeout: 20_000,
  maxWaitTimeInMs: 300,
  minBytes: 1,
  maxBytes: 3 * 1024 * 1024,
  maxBytesPerPartition: 1.5 * 1024 * 1024,
})
consumer.on(consumer.events.GROUP_JOIN, () => say('joined'))
process.once('SIGTERM', () => consumer.disconnect())
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })

let counted = 0
await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 64,
  eachBatch: async ({ batch }) => {
    counted += batch.messages.length
    if (counted >= Number(count)) say('counted')
  },
})
