import { Command, Option } from 'commander'
import type { Place } from './arguments.ts'
import {
  bytes,
  count,
  counts,
  duration,
  durationOrNone,
  durations,
  gather,
  gatherProperties,
  place,
  port,
  resetTarget,
  start,
  yesOrNo,
} from './arguments.ts'
import type { BenchOptions } from './commands/bench.ts'
import type {
  BrokerForgetOptions,
  ElectOptions,
  HandOverOptions,
} from './commands/broker-command.ts'
import type { AdoptOptions } from './commands/broker-adopt.ts'
import type { PromoteOptions } from './commands/broker-promote.ts'
import type { ClusterHealthOptions } from './commands/cluster-health.ts'
import type { DaemonOptions } from './commands/daemon.ts'
import type { DevOptions } from './commands/dev.ts'
import type { DlqPeekOptions } from './commands/dlq-peek.ts'
import type { DlqRedriveOptions } from './commands/dlq-redrive.ts'
import type { DrillOptions } from './commands/drill.ts'
import type { GroupCreateOptions } from './commands/group-create.ts'
import type { GroupResetOptions } from './commands/group-reset.ts'
import type { GroupRmOptions } from './commands/group-rm.ts'
import type { MsgSendOptions } from './commands/msg-send.ts'
import type { MsgTailOptions } from './commands/msg-tail.ts'
import type { TopicCreateOptions } from './commands/topic-create.ts'
import type { TopicEditOptions } from './commands/topic-edit.ts'
import type { TopicLsOptions } from './commands/topic-ls.ts'
import type { OperatorOptions, RiskyOptions, WatchedOptions } from './operator.ts'
import type { OutputOptions } from './output.ts'
import type { Terminal } from './terminal.ts'
import { readVersion } from './version.ts'

/**
 * Every command with its options. What a command does is loaded when it runs, so that `--help` and
 * a mistyped option cost no more than this file.
 */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('comet')
    .description('CometMQ: its daemons, and every operation on a cluster.')
    .version(readVersion(), '-V, --version', 'the version of this program')
    .helpOption('-h, --help', 'this help')
    .helpCommand(false)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      // Reported by `runComet`, in our own words.
      outputError: () => {},
      getOutHelpWidth: () => terminal.out.columns ?? 100,
      getErrHelpWidth: () => terminal.err.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  program.commandsGroup('Daemons:')
  addDaemons(program, terminal)
  program.commandsGroup('Operations:')
  addTopics(program, terminal)
  addGroups(program, terminal)
  addMessages(program, terminal)
  addDeadLetters(program, terminal)
  addCluster(program, terminal)
  program.commandsGroup('Tools:')
  addTools(program, terminal)
  return program
}

function addDaemons(program: Command, terminal: Terminal): void {
  program
    .command('dev')
    .description('a name server and a broker in this process, for development')
    .option('--data <dir>', 'keep the data there; without it, in a temporary folder until the end')
    .option('--host <host>', 'the address to listen on', '127.0.0.1')
    .option(
      '-p, --port <port>',
      'of the name server, where clients connect; 0: free ports',
      port,
      9876,
    )
    .option('--broker-port <port>', 'of the broker (default: 8081, or free with --port 0)', port)
    .option('--queues <count>', 'queues of a topic that is made by sending to it', count(1), 8)
    .addOption(
      new Option('--log-level <level>', 'what it logs, on the error stream')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--json', 'say where it listens as one JSON document')
    .action(async (options: DevOptions) => {
      await (await import('./commands/dev.ts')).dev(terminal, options)
    })
  daemon(
    program.command('nameserver'),
    'a name server: it knows which broker serves which queue',
  ).action(async (options: DaemonOptions) => {
    await (await import('./commands/nameserver.ts')).nameServer(terminal, options)
  })
  const broker = daemon(program.command('broker'), 'a broker: it keeps messages and delivers them')
    .helpCommand(false)
    // What is said after the name of a command is that command's.
    .enablePositionalOptions()
    .option('--name <name>', 'broker name (default: broker-a)')
    .option('--advertise <address>', 'host:port that clients dial')
    .option('-n, --nameserver <addresses>', 'every name server, with commas between')
    .option('--data <dir>', 'data folder (default: data/<broker name>)')
    .action(async (options: DaemonOptions) => {
      await (await import('./commands/broker.ts')).broker(terminal, options)
    })
  addBrokerGroup(broker, terminal)
}

function addBrokerGroup(broker: Command, terminal: Terminal): void {
  broker.commandsGroup('Operations on a broker group:')
  watched(broker.command('replicas'), 'every member of a broker group: role, log, lag, in sync')
    .argument('[broker]', 'broker name (default: every group of several members)')
    .action(async (name: string | undefined, options: WatchedOptions) => {
      const { brokerReplicas } = await import('./commands/broker-replicas.ts')
      await brokerReplicas(terminal, name, options)
    })
  watched(broker.command('epochs'), 'who was master when, from where in the log on, and why')
    .argument('<broker>', 'broker name')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('./commands/broker-epochs.ts')).brokerEpochs(terminal, name, options)
    })
  operator(broker.command('hand-over'), 'the master gives its place to a member in sync')
    .argument('<broker>', 'broker name')
    .option('--to <id>', 'which member (default: the one that is nearest)', count(1))
    .action(async (name: string, options: HandOverOptions) => {
      await (await import('./commands/broker-command.ts')).brokerHandOver(terminal, name, options)
    })
  risky(broker.command('forget'), 'a member that is neither in sync nor running will not come back')
    .argument('<broker>', 'broker name')
    .requiredOption('--id <id>', 'which member', count(1))
    .action(async (name: string, options: BrokerForgetOptions) => {
      await (await import('./commands/broker-command.ts')).brokerForget(terminal, name, options)
    })
  risky(broker.command('promote'), 'make a slave master, where roles are configured')
    .argument('<broker>', 'broker name')
    .requiredOption('--to <id>', 'which member', count(1))
    .option('--old-master-is-dead', 'it does not answer, and is known to be off or cut off')
    .option('--without <ids>', 'members to give up, with what only they have', counts(1))
    .action(async (name: string, options: PromoteOptions) => {
      await (await import('./commands/broker-promote.ts')).brokerPromote(terminal, name, options)
    })
  risky(broker.command('adopt'), 'tell etcd of a broker group whose roles were configured')
    .argument('<broker>', 'broker name')
    .requiredOption('--etcd <endpoints>', 'host:port of each etcd member, with commas between')
    .action(async (name: string, options: AdoptOptions) => {
      await (await import('./commands/broker-adopt.ts')).brokerAdopt(terminal, name, options)
    })
  operator(broker.command('elect'), 'make a member master although messages may be lost')
    .argument('<broker>', 'broker name')
    .requiredOption('--to <id>', 'which member', count(1))
    .requiredOption('--accept-loss', 'what it lacks is lost, also if it was acknowledged')
    .action(async (name: string, options: ElectOptions) => {
      await (await import('./commands/broker-command.ts')).brokerElect(terminal, name, options)
    })
}

function addTopics(program: Command, terminal: Terminal): void {
  const topic = noun(program.command('topic'), 'topics: list, create, change, delete')
  watched(topic.command('ls'), 'every topic, with its queues on all brokers')
    .option('--internal', 'also retry and dead letter topics')
    .action(async (options: TopicLsOptions) => {
      await (await import('./commands/topic-ls.ts')).topicLs(terminal, options)
    })
  watched(topic.command('info'), 'one topic: settings, and offsets of each queue')
    .argument('<topic>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('./commands/topic-info.ts')).topicInfo(terminal, name, options)
    })
  operator(topic.command('create'), 'create a topic on every broker')
    .argument('<topic>')
    .option('--queues <count>', "queues per broker (default: the broker's)", count(1))
    .option('--type <type>', 'normal, fifo, delay or transaction')
    .option('--flush <when>', 'answer a send after fdatasync (sync) or after the write (async)')
    .option('--replicas <which>', 'answer a send when the in-sync set has it, or the master')
    .action(async (name: string, options: TopicCreateOptions) => {
      await (await import('./commands/topic-create.ts')).topicCreate(terminal, name, options)
    })
  operator(topic.command('edit'), 'change a topic on every broker; queues are only ever added')
    .argument('<topic>')
    .option('--queues <count>', 'queues per broker', count(1))
    .option('--flush <when>', 'sync or async')
    .option('--replicas <which>', 'in-sync or master')
    .option('--readable <yes>', 'true or false: whether consumers get its messages', yesOrNo)
    .option('--writable <yes>', 'true or false: whether producers may send', yesOrNo)
    .action(async (name: string, options: TopicEditOptions) => {
      await (await import('./commands/topic-edit.ts')).topicEdit(terminal, name, options)
    })
  risky(topic.command('rm'), 'delete a topic with its messages from every broker')
    .argument('<topic>')
    .action(async (name: string, options: RiskyOptions) => {
      await (await import('./commands/topic-rm.ts')).topicRm(terminal, name, options)
    })
  watched(topic.command('route'), 'which broker serves which queues, as clients see it')
    .argument('<topic>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('./commands/topic-route.ts')).topicRoute(terminal, name, options)
    })
  watched(topic.command('stats'), 'messages kept and, with --watch, arriving, per topic')
    .argument('[topic]')
    .action(async (name: string | undefined, options: WatchedOptions) => {
      await (await import('./commands/topic-stats.ts')).topicStats(terminal, name, options)
    })
}

function addGroups(program: Command, terminal: Terminal): void {
  const group = noun(program.command('group'), 'consumer groups: list, lag, reset, pause')
  watched(group.command('ls'), 'every group, with members and backlog').action(
    async (options: WatchedOptions) => {
      await (await import('./commands/group-ls.ts')).groupLs(terminal, options)
    },
  )
  watched(group.command('info'), 'one group: settings and members')
    .argument('<group>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('./commands/group-info.ts')).groupInfo(terminal, name, options)
    })
  operator(group.command('create'), 'create a group on every broker')
    .argument('<group>')
    .option(
      '--max-attempts <count>',
      'deliveries of a message before it is a dead letter',
      count(1),
    )
    .option('--invisible <duration>', 'how long a consumer may keep a message', duration)
    .option('--retry-delays <durations>', 'wait before attempt 2, 3, …, with commas', durations)
    .option('--start <from>', 'earliest, latest or a time: where it begins in a queue', start)
    .option('--fifo', 'messages of one message group one after the other, in their order')
    .action(async (name: string, options: GroupCreateOptions) => {
      await (await import('./commands/group-create.ts')).groupCreate(terminal, name, options)
    })
  risky(group.command('rm'), 'delete a group with its positions from every broker')
    .argument('<group>')
    .option('--force', 'also while it has members')
    .action(async (name: string, options: GroupRmOptions) => {
      await (await import('./commands/group-rm.ts')).groupRm(terminal, name, options)
    })
  watched(group.command('lag'), 'per queue: ready + in flight + delayed = backlog')
    .argument('<group>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('./commands/group-lag.ts')).groupLag(terminal, name, options)
    })
  risky(group.command('reset'), 'move a group to another place; what it holds is given up')
    .argument('<group>')
    .requiredOption('--to <place>', 'earliest, latest, a time, or an offset', resetTarget)
    .option('--topic <topic>', 'only this one (default: every topic the group has read)')
    .option('--queue <id>', 'only this queue of the topic', count(0))
    .option('--dry-run', 'only show what would move')
    .action(async (name: string, options: GroupResetOptions) => {
      await (await import('./commands/group-reset.ts')).groupReset(terminal, name, options)
    })
  operator(group.command('pause'), 'deliver nothing more to a group until it is resumed')
    .argument('<group>')
    .action(async (name: string, options: OperatorOptions) => {
      await (await import('./commands/group-pause.ts')).groupPause(terminal, name, options)
    })
  operator(group.command('resume'), 'deliver to a paused group again')
    .argument('<group>')
    .action(async (name: string, options: OperatorOptions) => {
      await (await import('./commands/group-pause.ts')).groupResume(terminal, name, options)
    })
}

function addMessages(program: Command, terminal: Terminal): void {
  const msg = noun(program.command('msg'), 'messages: send, get, tail')
  operator(msg.command('send'), 'send messages')
    .argument('<topic>')
    .argument('[body]', 'the body; `-`: each line of the standard input is one')
    .option('--file <path>', 'the body is what is in the file')
    .option('--lines', 'each line, of the file or of the standard input, is a message')
    .option('--tag <tag>', 'one word to filter by')
    .option('--key <key>', 'messages of one key keep their order')
    .option('--keys <keys>', 'business keys, with commas between')
    .option('--property <key=value>', 'a property; may be repeated', gatherProperties)
    .option('--count <n>', 'send it so many times', count(1))
    .action(async (topic: string, body: string | undefined, options: MsgSendOptions) => {
      await (await import('./commands/msg-send.ts')).msgSend(terminal, { topic, body }, options)
    })
  operator(msg.command('get'), 'one message by its place')
    .argument('<topic>')
    .argument('<place>', 'BROKER/QUEUE/OFFSET', place)
    .action(async (topic: string, at: Place, options: OperatorOptions) => {
      await (await import('./commands/msg-get.ts')).msgGet(terminal, { topic, at }, options)
    })
  operator(msg.command('tail'), 'show messages as they come, without a group')
    .argument('<topic>')
    .addOption(
      new Option('--from <start>', 'earliest, latest or a time')
        .argParser(start)
        .default({ kind: 'latest' }, 'latest'),
    )
    .option('--filter <tags>', 'only these tags: `a||b`')
    .addOption(
      new Option(
        '--sql <condition>',
        'only where that holds of properties, TAGS and KEYS',
      ).conflicts('filter'),
    )
    .option('--max <n>', 'end after so many', count(1))
    .action(async (topic: string, options: MsgTailOptions) => {
      await (await import('./commands/msg-tail.ts')).msgTail(terminal, topic, options)
    })
}

function addDeadLetters(program: Command, terminal: Terminal): void {
  const dlq = noun(program.command('dlq'), 'dead letters: list, look, send again, delete')
  watched(dlq.command('ls'), 'groups that have dead letters').action(
    async (options: WatchedOptions) => {
      await (await import('./commands/dlq-ls.ts')).dlqLs(terminal, options)
    },
  )
  operator(dlq.command('peek'), 'the dead letters of a group, oldest first')
    .argument('<group>')
    .option('--max <n>', 'at most so many', count(1), 10)
    .option('--from <offset>', 'from this offset of the dead letter queue', count(0))
    .action(async (group: string, options: DlqPeekOptions) => {
      await (await import('./commands/dlq-peek.ts')).dlqPeek(terminal, group, options)
    })
  operator(dlq.command('redrive'), 'give dead letters of a group to it again')
    .argument('<group>')
    .option('--max <n>', 'at most so many of each broker, oldest first', count(1))
    .action(async (group: string, options: DlqRedriveOptions) => {
      await (await import('./commands/dlq-redrive.ts')).dlqRedrive(terminal, group, options)
    })
  risky(dlq.command('purge'), 'delete the dead letters of a group')
    .argument('<group>')
    .action(async (group: string, options: RiskyOptions) => {
      await (await import('./commands/dlq-purge.ts')).dlqPurge(terminal, group, options)
    })
}

function addCluster(program: Command, terminal: Terminal): void {
  const cluster = noun(program.command('cluster'), 'the cluster: its brokers, its health')
  watched(cluster.command('info'), 'every broker: role, address, disk, load').action(
    async (options: WatchedOptions) => {
      await (await import('./commands/cluster-info.ts')).clusterInfo(terminal, options)
    },
  )
  operator(cluster.command('health'), 'whether every broker takes messages')
    .option('--wait', 'until it does, for at most --timeout')
    .option('--brokers <n>', 'expect at least so many', count(1))
    .action(async (options: ClusterHealthOptions) => {
      await (await import('./commands/cluster-health.ts')).clusterHealth(terminal, options)
    })
  risky(cluster.command('forget'), 'a broker that has left will not come back')
    .argument('<broker>')
    .action(async (brokerName: string, options: RiskyOptions) => {
      const { clusterForget } = await import('./commands/cluster-forget.ts')
      await clusterForget(terminal, brokerName, options)
    })
}

function addTools(program: Command, terminal: Terminal): void {
  operator(program.command('bench'), 'publish to a running cluster, consume it, and tell the speed')
    .option('--topic <topic>', 'use this topic; without it, one is made and deleted')
    .option('--messages <n>', 'how many', count(1), 100_000)
    .addOption(new Option('--size <bytes>', 'of each body').argParser(bytes).default(1024, '1KiB'))
    .option('--window <n>', 'messages sent and not yet answered', count(1), 4096)
    .option('--queues <n>', 'of the topic that is made', count(1), 8)
    .option('--no-consume', 'only publish')
    .action(async (options: BenchOptions) => {
      await (await import('./commands/bench.ts')).bench(terminal, options)
    })
  risky(
    program.command('drill'),
    'put a running cluster under load, break something, and tell what became of every message',
  )
    .argument('<scenario>', 'hand-over, kill-master, …: docs/drills.md lists them')
    .option('--fault-command <command>', 'what breaks something; {master}, {brokerName}, … are set')
    .option('--heal-command <command>', 'what puts it right again')
    .option('--manual', 'be told what to do, and when')
    .option('--broker <name>', 'which broker group it is about (default: the first one)')
    .option('--faults <n>', 'how many, one after the other', count(1), 1)
    .addOption(
      new Option('--down <duration>', 'from the fault to its end')
        .argParser(duration)
        .default(5_000, '5s'),
    )
    .addOption(
      new Option('--duration <duration>', 'of the load, at least')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .option('--producers <n>', 'clients that send', count(1), 4)
    .option('--consumers <n>', 'clients that receive', count(1), 4)
    .option('--rate <n>', 'messages per second, of all producers together', count(1), 500)
    .option('--goal <duration>', 'how long a group may be away, or none', durationOrNone)
    .option('--ledger <dir>', 'where to write down what was seen (default: a new folder)')
    .option('--keep', 'leave the topic and the groups')
    .action(async (scenario: string, options: DrillOptions) => {
      await (await import('./commands/drill.ts')).drill(terminal, scenario, options)
    })
  const store = noun(
    program.command('store'),
    'the files of a broker that does not run: inspect, verify',
  )
  storeCommand(store.command('inspect'), 'what is in the commit log, by segment and queue').action(
    async (directory: string, options: OutputOptions) => {
      await (await import('./commands/store.ts')).storeInspect(terminal, directory, options)
    },
  )
  storeCommand(store.command('verify'), 'check every byte; the first bad one, if any').action(
    async (directory: string, options: OutputOptions) => {
      await (await import('./commands/store.ts')).storeVerify(terminal, directory, options)
    },
  )
}

/** A command that reads the files of a stopped broker. */
function storeCommand(command: Command, about: string): Command {
  return command
    .description(about)
    .argument('<dir>', 'the data folder of the broker')
    .option('--json', 'answer as one JSON document')
}

/** A command that only has commands below it. */
function noun(command: Command, about: string): Command {
  return command.description(about).helpCommand(false)
}

/** A command that talks to a cluster. */
function operator(command: Command, about: string): Command {
  return command
    .description(about)
    .option(
      '-n, --nameserver <addresses>',
      'host:port, with commas between (default: $COMETMQ_NAMESERVER, or localhost:9876)',
    )
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for an answer')
        .argParser(duration)
        .default(10_000, '10s'),
    )
    .option('--json', 'answer in JSON')
}

/** A command that shows something which changes. */
function watched(command: Command, about: string): Command {
  return operator(command, about).addOption(
    new Option(
      '-w, --watch [interval]',
      'show it again and again (without interval: each 2s)',
    ).argParser(duration),
  )
}

/** A command that takes something away. */
function risky(command: Command, about: string): Command {
  return operator(command, about).option('-y, --yes', 'do not ask')
}

/** A process that serves. Its options are settings; the others are in file and environment. */
function daemon(command: Command, about: string): Command {
  return command
    .description(about)
    .option('-c, --config <file>', 'settings, as YAML (default: $COMETMQ_CONFIG)')
    .option('--cluster <name>', 'cluster it belongs to')
    .option('--listen <address>', 'host:port to listen on; port 0 takes a free one')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option(
      '--set <key=value>',
      'any setting, such as store.retention.maxAge=72h; may be repeated',
      gather,
    )
    .option('--check', 'only check the settings and show them')
    .option('--json', 'with --check: show them in JSON')
}
