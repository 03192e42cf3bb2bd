// Opens a storage in the directory it is told, says so, and keeps it until it is killed.
import { LevelStorage } from "@eraft/storage-level";
import { ClassicLevel } from "classic-level";

const [dir = ""] = process.argv.slice(2);
await new LevelStorage({ db: new ClassicLevel(dir) }).open();
console.log("open");
setInterval(() => {}, 60_000);
