create table fees(boat text, length text, fee real, since text);
insert into fees values('Dinghy','4 m',12.5,'2021-04-01'),('Sloop, large','9 m',31,'2022-05-15'),('Zürich "Lady"','7 m',27,'2024-02-29');
