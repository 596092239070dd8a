from hotline.crm.database import Database
async def test_x(db):
    assert await db.fetchval("select 1")==1
    print(await db.fetch("select name from role"))
