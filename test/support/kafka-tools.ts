import { execFile } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from '../../dev/cache.ts'
import { freePorts } from '../../dev/free-port.ts'
import { findJava } from '../../dev/java.ts'
import { kafkaJars } from '../../dev/kafka-jars.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { ServerProcess } from '../../dev/server-process.ts'

const java = findJava() ?? 'java'
const jvm = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

/** A folder for the PATH, with those of Kafka's scripts that the pages name: Kafka's own classes behind scripts of ours. */
export async function kafkaTools(): Promise<string> {
  const [kafka, kafkaWithZooKeeper, tools] = await Promise.all([kafkaJars('4.1.1'), kafkaJars('3.9.1'), toolsJar()])
  const recent = [join(tools, '*'), join(kafka, '*')].join(delimiter)
  const folder = scratchFolder('kafka-tools')
  const write = (name: string, classPath: string, command: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${java} ${jvm.join(' ')} -cp '${classPath}' ${command} "$@"\n`)
    chmodSync(join(folder, name), 0o755)
  }
  write('kafka-consumer-groups.sh', recent, 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand')
  write('kafka-console-consumer.sh', recent, 'org.apache.kafka.tools.consumer.ConsoleConsumer')
  write('zookeeper-shell.sh', join(kafkaWithZooKeeper, '*'), 'org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka -server')
  return folder
}

const toolsJar = () =>
  cached('kafka-tools-4.1.1', async (folder) => {
    const artifact = '-Dartifact=org.apache.kafka:kafka-tools:4.1.1'
    await promisify(execFile)('mvn', ['-q', '-B', 'dependency:copy', artifact, `-DoutputDirectory=${folder}`], { cwd: folder })
  })

export interface ZooKeeper {
  readonly address: string
  close(): Promise<void>
}

/** The one that came with the last Kafka that could use it. */
export async function startZooKeeper(): Promise<ZooKeeper> {
  const folder = scratchFolder('zookeeper')
  const [port = 0] = await freePorts(1)
  const config = join(folder, 'zoo.cfg')
  writeFileSync(config, `dataDir=${folder}\nclientPort=${port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`)
  const server = await ServerProcess.start({
    name: 'ZooKeeper',
    command: java,
    args: [
      ...jvm,
      '-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper=info',
      '-cp',
      join(await kafkaJars('3.9.1'), '*'),
      'org.apache.zookeeper.server.ZooKeeperServerMain',
      config,
    ],
    logFile: join(folder, 'zookeeper.log'),
    ready: (log) => log.includes('PrepRequestProcessor (sid:0) started'),
  })
  return { address: `127.0.0.1:${port}`, close: () => server.kill() }
}
