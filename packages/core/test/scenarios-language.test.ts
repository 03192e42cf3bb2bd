import { expect, test } from "vitest";
import { filterOf, parseMessage, printMessage } from "./scenarios/language/messages.ts";
import { play } from "./scenarios/language/play.ts";
import { Words } from "./scenarios/language/words.ts";

test.each([
  "0->1 requestVote term=2 lastLogIndex=3 lastLogTerm=1",
  "1->0 requestVoteResponse term=2 voteGranted=true",
  "0->1 appendEntries term=2 prevLogIndex=3 prevLogTerm=1 entries=[1,1:a,2:noop] leaderCommit=4",
  "0->1 appendEntries term=2 prevLogIndex=0 prevLogTerm=0 entries=[] leaderCommit=0",
  "1->0 appendEntriesResponse term=2 success=true matchIndex=6",
  "1->0 appendEntriesResponse term=2 success=false conflictIndex=2 conflictTerm=-1",
  "0->1 installSnapshot term=2 lastIncludedIndex=4 lastIncludedTerm=1",
  "1->0 installSnapshotResponse term=2",
  "1->0 refusal term=2 reason=twoLeaders",
  "0->1 requestVote term=2 lastLogIndex=3 lastLogTerm=1 leadershipTransfer=true",
  "0->1 preVote term=2 lastLogIndex=3 lastLogTerm=1",
  "1->0 preVoteResponse term=2 voteGranted=false",
  "0->1 timeoutNow term=2",
  "1->0 readIndex term=2",
  "0->1 readIndexResponse term=2 readIndex=-1",
  "0->1 appendEntries term=2 prevLogIndex=3 prevLogTerm=1 entries=[1:{0|1|2:learner},2:{0|3@disk:rejoining}] leaderCommit=4",
  "0->1 installSnapshot term=2 lastIncludedIndex=4 lastIncludedTerm=1 configuration={0|1:outgoing}",
])("a message is read as it is printed: %s", (line) => {
  expect(printMessage(parse(line))).toBe(line);
});

test("entries are numbered from prevLogIndex on, and a no-op is empty", () => {
  const message = parse("0->1 appendEntries term=2 prevLogIndex=3 prevLogTerm=1 entries=[1:a,2:noop]");
  expect(message).toMatchObject({
    entries: [
      { index: 4, term: 1, command: new TextEncoder().encode("a") },
      { index: 5, term: 2, command: new Uint8Array(0) },
    ],
  });
});

test.each([
  ["", true],
  ["appendEntries", true],
  ["append", false],
  ["append*", true],
  ["0->*", true],
  ["1->*", false],
  ["appendEntries 0->1 term=2", true],
  ["appendEntries 0->1 term=3", false],
  ["entries=[4:*", true],
  ["entries=[4.noop]", false],
])("the filter `%s` matches an appendEntries with an entry of term 4 or not: %s", (filter, matches) => {
  const message = parse("0->1 appendEntries term=2 prevLogIndex=3 prevLogTerm=1 entries=[4:noop]");
  const words = filter.split(" ").filter((word) => word !== "");
  expect(filterOf(words)(message)).toBe(matches);
});

test("what is seen takes the place of what was expected; comments and commands stay as they are", () => {
  const script =
    "# a story\n\n cluster 1\n# it begins\nrun 1\n----\nsomething else\n\nshow disk 0\n----\n\n# the end\n";
  expect(play("story.txt", script)).toBe(
    "# a story\n\n cluster 1\n# it begins\nrun 1\n----\n0 leader         term 1 vote 0  log 1:noop  commit 1  applied 1\n\n" +
      "show disk 0\n----\ndisk of 0: term 1 vote 0  log 1:noop\n\n# the end\n",
  );
});

test("a played script plays the same again, and commands without expectations get some", () => {
  const once = play("story.txt", "cluster 1\nrun 1\n----\n\npropose 0 a\nsettle");
  expect(once).toContain("settle\n----\na: committed at 2\n");
  expect(play("story.txt", once)).toBe(once);
});

test.each([
  ["elect 0", 'story.txt:1: elect 0\na script begins with `cluster` or `server`, not with "elect"'],
  ["cluster many", 'story.txt:1: cluster many\na number of servers is expected, not "many"'],
  ["cluster 3\n\n# so\nfly 0", /^story\.txt:4: fly 0\nthere is no command "fly" here; there are tick, /],
  ["cluster 3\ncrash 7", /^story\.txt:2: crash 7\n.*there is no server 7/],
  ["cluster 3\ncrash 0 now", "story.txt:2: crash 0 now\nnothing more is expected, but there is: now"],
  ["cluster 3\npropose 0", "story.txt:2: propose 0\nhere ends the line, where a command is expected"],
  ["cluster 3 speed=9", /^story\.txt:1: .*\nthere is no option "speed"; there are maxAppendBytes, /],
  ["cluster 3\nshow all", /servers, messages, followers, members or disk can be shown, not "all"/],
  ["cluster 3 preVote=yes", /on or off is expected, not "yes"/],
  ["cluster 3\nchange 0 c move 1", /there is no change "move"; there are addVoter, addLearner, /],
  ["cluster 3\nwipe 1", /1 is running/],
  [
    "server 3\nreceive 1->0 installSnapshot configuration=0",
    /members look like \{0\|1\|2:learner\}, not like 0/,
  ],
  [
    "server 3\nreceive 1->0 appendEntries entries=[1:{0:king}]",
    /there is no standing "king"; there are voter, /,
  ],
  ["cluster 3\nresume-disk 1", /the disk of 1 is not stalled/],
  ["server 3\nreceive 1->0 hello", /^story\.txt:2: .*\nthere is no message "hello"; there are requestVote, /],
  ["server 3\nreceive 1->0 requestVote age=3", /requestVote has no "age"; it has lastLogIndex, /],
  ["server 3\nreceive 1->0 appendEntries entries=1", /entries look like \[1:noop,1:a\], not like 1/],
  ["server 3\nreceive 1->0 requestVoteResponse voteGranted=yes", /true or false is expected, not "yes"/],
  // A broken promise of the cluster, too, is reported with its line: nobody can be elected here.
  ["cluster 3\nisolate 0\nelect 0", /^story\.txt:3: elect 0\nbroken: 0 was not elected/],
])("a mistake is reported with file and line: %j", (script, message) => {
  expect(() => play("story.txt", script)).toThrow(message);
});

test("a server that stops is something to see, and can do nothing more until it is started again", () => {
  const stops = [
    "server 3 log 1 1",
    "receive 1->0 appendEntries term=1 prevLogIndex=2 prevLogTerm=1 leaderCommit=2",
    "receive 1->0 appendEntries term=2 prevLogIndex=1 prevLogTerm=1 entries=[2]",
  ].join("\n");
  expect(play("story.txt", stops)).toContain("0 stops: the leader's entry 2 has term 2");
  expect(() => play("story.txt", `${stops}\ntick`)).toThrow("the server has stopped");
  expect(play("story.txt", `${stops}\nrestart\ntick`)).toContain("0 follower       term 1 vote -  log 1 1");
});

function parse(line: string) {
  return parseMessage(new Words(line), () => 1);
}
