BEGIN TRANSACTION;
CREATE TABLE picture (
	sha256 VARCHAR(64) NOT NULL, 
	source_sha256 VARCHAR(64) NOT NULL, 
	bytes INTEGER NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	taken_on VARCHAR(10), 
	kept_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (sha256)
);
INSERT INTO "picture" VALUES('b51359e05520691f388287e433151b4f22110507ca2d8293e2109b059fe7001e','656cfbce141d31bb6afc1f42549c10fea1f12e9013d33aaa08b813ccce15af24',188,40,30,'2026-03-05','2026-03-05T17:02:11+08:00');
INSERT INTO "picture" VALUES('d395218489427307ebe537b779868cb46a7d1f5f791f6d5cd2c4d91b1b4bc56f','daecb80114221e0de5b9436d9645bd8ca7a216685eb4b085d4b99b5b637f187d',188,41,30,'2026-03-05','2026-03-05T17:02:11+08:00');
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE submission (
	id VARCHAR(26) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	record_path VARCHAR(120) NOT NULL, 
	member VARCHAR(32) NOT NULL, 
	branch VARCHAR(32) NOT NULL, 
	payload TEXT NOT NULL, 
	received_at VARCHAR(32) NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	step VARCHAR(12) NOT NULL, 
	base VARCHAR(40), 
	"commit" VARCHAR(40), 
	pull INTEGER, 
	pending_at VARCHAR(32), 
	decided_at VARCHAR(32), 
	decided_by VARCHAR(32), 
	reason TEXT, 
	attempts INTEGER NOT NULL, 
	next_at FLOAT NOT NULL, 
	error TEXT, 
	PRIMARY KEY (id), 
	UNIQUE ("key"), 
	UNIQUE (record_path)
);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C10','219fc5930f96a505eb3d5e37d015a0723d1e39f8800a3703db441f533b0a775d','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C10.yaml','m0012','jg1','{"at": "2026-03-05T17:02:11+08:00", "branch": "jg1", "content": null, "evidence": [], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C10", "kind": "theme_day", "member": "m0012", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "党章专题学习", "via": "link"}','2026-03-05T17:02:11+08:00','received','stored',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0.0,NULL);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C11','06efd50105470b3b09a73875c9a37de46583982c719e60af30f14b4504c497d7','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C11.yaml','m0012','jg1','{"at": "2026-03-05T17:03:11+08:00", "branch": "jg1", "content": "逐条讨论\n第二行 🎓", "evidence": [], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C11", "kind": "theme_day", "member": "m0012", "notice": "2026-11", "organiser_level": null, "place": "会议室", "start_date": "2026-03-05", "title": "党章专题学习", "via": "link"}','2026-03-05T17:03:11+08:00','received','stored','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL,NULL,NULL,NULL,NULL,0,0.0,NULL);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C12','845f05951cd9dca263bd79922117876f2b927c528d3dfd653e6f7a32d8cd3b51','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C12.yaml','m0003','jg1','{"at": "2026-03-05T17:04:11+08:00", "branch": "jg1", "content": null, "evidence": [], "hours": "1.5", "id": "01KJYKG9Z08M4T0V2N9X5B7C12", "kind": "theme_day", "member": "m0003", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "党章专题学习", "via": "link"}','2026-03-05T17:04:11+08:00','received','stored','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL,NULL,NULL,NULL,NULL,1,1772701931.0,'git push: host away');
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C13','781b28a5119dad054efd14e4fd2a037b3e3e53a279e492416178eabe69a9c718','records/yjs/2026/01KJYKG9Z08M4T0V2N9X5B7C13.yaml','m0006','yjs','{"at": "2026-03-05T17:05:11+08:00", "branch": "yjs", "content": null, "evidence": [], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C13", "kind": "theme_day", "member": "m0006", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "党章专题学习", "via": "poster"}','2026-03-05T17:05:11+08:00','parked','stored','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL,NULL,NULL,NULL,NULL,0,0.0,'HostRefused: refused by the host');
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C14','200c8b6e66e0ab479e6036ddab6ea870c69bbea14485a556e8358fa0ae2a3f63','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C14.yaml','m0012','jg1','{"at": "2026-03-05T17:06:11+08:00", "branch": "jg1", "content": null, "evidence": [{"bytes": 188, "height": 30, "sha256": "b51359e05520691f388287e433151b4f22110507ca2d8293e2109b059fe7001e", "source_sha256": "656cfbce141d31bb6afc1f42549c10fea1f12e9013d33aaa08b813ccce15af24", "width": 40}], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C14", "kind": "theme_day", "member": "m0012", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "党章专题学习", "via": "link"}','2026-03-05T17:06:11+08:00','pending','proposed','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','cccccccccccccccccccccccccccccccccccccccc',1,'2026-03-05T17:07:11+08:00',NULL,NULL,NULL,0,0.0,NULL);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C15','ff9d2bd1b615ba3c6929ea7949c878d06e1685f03941ec27646b9f62976ef772','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C15.yaml','m0012','jg1','{"at": "2026-03-05T17:07:11+08:00", "branch": "jg1", "content": null, "evidence": [{"bytes": 188, "height": 30, "sha256": "b51359e05520691f388287e433151b4f22110507ca2d8293e2109b059fe7001e", "source_sha256": "656cfbce141d31bb6afc1f42549c10fea1f12e9013d33aaa08b813ccce15af24", "width": 40}, {"bytes": 188, "height": 30, "sha256": "d395218489427307ebe537b779868cb46a7d1f5f791f6d5cd2c4d91b1b4bc56f", "source_sha256": "daecb80114221e0de5b9436d9645bd8ca7a216685eb4b085d4b99b5b637f187d", "width": 41}], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C15", "kind": "off_job", "member": "m0012", "notice": "2026-11", "organiser_level": "county_plus", "place": null, "start_date": "2026-03-05", "title": "党章专题学习", "via": "link"}','2026-03-05T17:07:11+08:00','approved','decided','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','dddddddddddddddddddddddddddddddddddddddd',2,'2026-03-05T17:08:11+08:00','2026-03-05T18:02:11+08:00','m0003',NULL,0,0.0,NULL);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C16','2c198ac57ddf34ea2c934e7e48b8812502c0df854e70b55df575a3e2eb80ad32','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C16.yaml','m0012','jg1','{"at": "2026-03-05T17:08:11+08:00", "branch": "jg1", "content": null, "evidence": [], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C16", "kind": "theme_day", "member": "m0012", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "写错的''主题", "via": "link"}','2026-03-05T17:08:11+08:00','returned','decided','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',3,'2026-03-05T17:09:11+08:00','2026-03-05T19:02:11+08:00','m0003','照片不符：请换一张',0,0.0,NULL);
INSERT INTO "submission" VALUES('01KJYKG9Z08M4T0V2N9X5B7C17','e8a1e8116bb55f2c40426658f9d2607dcd07a9e06ebc8d29e6de3bd578ed35d5','records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7C17.yaml','m0012','jg1','{"at": "2026-03-05T17:09:11+08:00", "branch": "jg1", "content": null, "evidence": [], "hours": "2", "id": "01KJYKG9Z08M4T0V2N9X5B7C17", "kind": "theme_day", "member": "m0012", "notice": "2026-11", "organiser_level": null, "place": null, "start_date": "2026-03-05", "title": "改好的主题", "via": "link"}','2026-03-05T17:09:11+08:00','received','stored',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0.0,NULL);
CREATE INDEX ix_submission_state ON submission (state);
CREATE INDEX ix_submission_member ON submission (member);
COMMIT;
