import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { freePorts } from './free-port.ts'
import { findJava } from './java.ts'
import { mavenJars } from './maven.ts'
import { scratchFolder } from './scratch-folder.ts'
import { ServerProcess } from './server-process.ts'

export interface S3Server {
  readonly url: string
  readonly port: number
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** A bucket of its own with that name. */
  makeBucket(name: string): void
  /** Keys of all objects of a bucket, sorted. */
  keys(bucket: string): readonly string[]
  /** The bytes of an object, as the server keeps them. */
  object(bucket: string, key: string): Buffer
  kill(): Promise<void>
  restart(): Promise<void>
  freeze(): void
  thaw(): void
  /** For the end: kills it and deletes its data. */
  close(): Promise<void>
}

const VERSION = '4.1.0'

/** s3proxy, which speaks as S3 does, checks signatures, and keeps objects as files; on loopback, in a temporary folder. */
export async function startS3Server(): Promise<S3Server> {
  const java = findJava()
  if (java === undefined) throw new Error('s3proxy needs Java 17 or later: set JAVA_HOME, or have java on the PATH')
  const jars = await mavenJars(`s3proxy-${VERSION}`, [`org.gaul:s3proxy:${VERSION}:jar-with-dependencies`])
  const folder = scratchFolder('s3')
  const data = join(folder, 'data')
  mkdirSync(data)
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const [accessKeyId, secretAccessKey] = ['local-identity', 'local-credential-of-a-test']
  const file = join(folder, 's3proxy.properties')
  writeFileSync(file, propertiesOf({ url, accessKeyId, secretAccessKey, data }))
  const start = () =>
    ServerProcess.start({
      name: `s3proxy ${VERSION}`,
      command: java,
      args: [
        '-Xmx256m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-jar',
        join(jars, `s3proxy-${VERSION}-jar-with-dependencies.jar`),
        '--properties',
        file,
      ],
      logFile: join(folder, 's3proxy.log'),
      ready: async () => (await request(url, { headersTimeout: 1000 })).statusCode > 0,
    })
  let server = await start()
  return {
    url,
    port,
    accessKeyId,
    secretAccessKey,
    makeBucket: (name) => void mkdirSync(join(data, name)),
    keys: (bucket) =>
      readdirSync(join(data, bucket), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(data, bucket).length + 1))
        .sort(),
    object: (bucket, key) => readFileSync(join(data, bucket, key)),
    kill: () => server.kill(),
    restart: async () => {
      await server.kill()
      server = await start()
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    close: async () => {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const propertiesOf = (options: {
  url: string
  accessKeyId: string
  secretAccessKey: string
  data: string
}) => `s3proxy.endpoint=${options.url}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity=${options.accessKeyId}
s3proxy.credential=${options.secretAccessKey}
jclouds.provider=filesystem-nio2
jclouds.identity=${options.accessKeyId}
jclouds.credential=${options.secretAccessKey}
jclouds.filesystem.basedir=${options.data}
`
